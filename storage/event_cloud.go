package storage

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// cloudEvent is a CloudEvents 1.0 event, from either mode.
type cloudEvent struct {
	kind    string // the attribute "type"
	subject string
	time    string
	data    json.RawMessage
}

// structuredCloudEvent reads the JSON format, in which the data is a field.
func structuredCloudEvent(f fields) cloudEvent {
	ce := cloudEvent{kind: f.text("type"), subject: f.text("subject"), time: f.text("time"), data: f["data"]}
	if b64 := f.text("data_base64"); b64 != "" {
		ce.data, _ = base64.StdEncoding.DecodeString(b64) // what does not decode fails as JSON
	}
	return ce
}

// binaryCloudEvent reads the binary mode, in which the attributes are headers and the body is the data. HTTP headers
// are percent-encoded (CloudEvents HTTP binding 3.1.3.2); Kafka's, which begin with "ce_", are not.
func binaryCloudEvent(attributes map[string]string, body []byte) (cloudEvent, bool) {
	if kind := attributes["ce_type"]; kind != "" {
		return cloudEvent{kind: kind, subject: attributes["ce_subject"], time: attributes["ce_time"], data: body}, true
	}
	kind := attributes["ce-type"]
	if kind == "" {
		return cloudEvent{}, false
	}
	subject, err := url.PathUnescape(attributes["ce-subject"])
	if err != nil {
		subject = ""
	}
	return cloudEvent{kind: kind, subject: subject, time: attributes["ce-time"], data: body}, true
}

func (p *eventParser) cloudEvent(ce cloudEvent, depth int) {
	switch ce.kind {
	case "google.cloud.storage.object.v1.finalized":
		var o gcsObject
		if err := json.Unmarshal(ce.data, &o); err != nil {
			p.fail("GCS object: %w", err)
			return
		}
		p.created(o.created())
	case "google.cloud.pubsub.topic.v1.messagePublished":
		p.body(ce.data, depth+1)
	case azureBlobCreated:
		p.azureBlob(ce.subject, ce.time, ce.data)
	}
}

const (
	azureBlobCreated      = "Microsoft.Storage.BlobCreated"
	eventGridSubscription = "Microsoft.EventGrid.SubscriptionValidationEvent"
)

// eventGrid reads one event in Event Grid's own schema.
// https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
func (p *eventParser) eventGrid(f fields) {
	if f.text("eventType") == azureBlobCreated {
		p.azureBlob(f.text("subject"), f.text("eventTime"), f["data"])
	}
}

// azureBlob reads a blob's creation. Container and key are in the subject, which unlike the data's URL is not encoded:
// /blobServices/default/containers/{container}/blobs/{key}.
func (p *eventParser) azureBlob(subject, at string, data json.RawMessage) {
	var blob struct {
		API           string      `json:"api"`
		ContentLength json.Number `json:"contentLength"`
		ETag          string      `json:"eTag"`
		Sequencer     string      `json:"sequencer"`
	}
	if err := json.Unmarshal(data, &blob); err != nil {
		p.fail("blob: %w", err)
		return
	}
	if blob.API == "CreateFile" || blob.API == "SftpCreate" {
		return // the file is still empty; FlushWithClose or SftpCommit follows
	}
	_, path, ok := strings.Cut(subject, "/containers/")
	container, key, named := strings.Cut(path, "/blobs/")
	if !ok || !named {
		p.fail("subject names no blob")
		return
	}
	p.created(ObjectCreated{
		Bucket:    container,
		Key:       key,
		Size:      size(blob.ContentLength),
		ETag:      unquote(blob.ETag),
		Sequencer: blob.Sequencer,
		Time:      eventTime(at),
	})
}
