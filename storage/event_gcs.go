package storage

import (
	"encoding/json"
)

// pubsubMessage is a message as Pub/Sub pushes it, also inside an Eventarc event.
type pubsubMessage struct {
	Attributes map[string]string `json:"attributes"`
	Data       []byte            `json:"data"`
}

// gcsObject is the part of GCS's object resource that matters here. GCS writes 64-bit numbers as strings.
type gcsObject struct {
	Bucket      string      `json:"bucket"`
	Name        string      `json:"name"`
	Size        json.Number `json:"size"`
	ETag        string      `json:"etag"`
	Generation  json.Number `json:"generation"`
	TimeCreated string      `json:"timeCreated"`
}

func (o *gcsObject) created() ObjectCreated {
	return ObjectCreated{
		Bucket:    o.Bucket,
		Key:       o.Name,
		Size:      size(o.Size),
		ETag:      unquote(o.ETag),
		Sequencer: o.Generation.String(),
		Time:      eventTime(o.TimeCreated),
	}
}

// pubsubPush reads the "message" of a push request. A topic may carry other things than GCS notifications: a message
// without their attributes is read by its data alone.
func (p *eventParser) pubsubPush(message json.RawMessage, depth int) {
	var m pubsubMessage
	if err := json.Unmarshal(message, &m); err != nil {
		p.fail("message: %w", err)
		return
	}
	attributes := lowerKeys(m.Attributes)
	if attributes["eventtype"] != "" {
		p.pubsubNotification(attributes, m.Data)
		return
	}
	p.body(m.Data, depth+1)
}

// pubsubNotification reads a GCS notification: the attributes say what happened to which object, and the data, unless
// the notification was made with the payload format NONE, is the object resource.
// https://cloud.google.com/storage/docs/pubsub-notifications#format
func (p *eventParser) pubsubNotification(attributes map[string]string, data []byte) {
	if attributes["eventtype"] != "OBJECT_FINALIZE" {
		return
	}
	var o gcsObject
	if len(data) > 0 {
		if err := json.Unmarshal(data, &o); err != nil {
			p.fail("GCS object: %w", err)
			return
		}
	}
	e := o.created()
	e.Bucket = attributes["bucketid"]
	e.Key = attributes["objectid"]
	e.Sequencer = attributes["objectgeneration"]
	if t := eventTime(attributes["eventtime"]); !t.IsZero() {
		e.Time = t
	}
	p.created(e)
}
