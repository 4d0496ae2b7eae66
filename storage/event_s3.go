package storage

import (
	"encoding/json"
	"net/url"
	"strings"
)

// record is one element of "Records": an S3 event, or an envelope as SQS and SNS hand it to a Lambda.
type record struct {
	EventSource string  `json:"eventSource"`
	EventName   string  `json:"eventName"`
	EventTime   string  `json:"eventTime"`
	Body        *string `json:"body"`
	SNS         *struct {
		Message string `json:"Message"`
	} `json:"Sns"`
	S3 *struct {
		Bucket struct {
			Name string `json:"name"`
			ARN  string `json:"arn"`
		} `json:"bucket"`
		Object struct {
			Key       string      `json:"key"`
			Size      json.Number `json:"size"`
			ETag      string      `json:"eTag"`
			Sequencer string      `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

func (p *eventParser) records(list json.RawMessage, depth int) {
	var raw []json.RawMessage
	if err := json.Unmarshal(list, &raw); err != nil {
		p.fail("Records: %w", err)
		return
	}
	for i, one := range raw {
		var r record
		if err := json.Unmarshal(one, &r); err != nil {
			p.fail("record %d: %w", i, err)
			continue
		}
		switch {
		case r.S3 != nil:
			p.s3(i, &r)
		case r.EventSource == "aws:sqs" && r.Body != nil:
			p.body([]byte(*r.Body), depth+1)
		case r.EventSource == "aws:sns" && r.SNS != nil:
			p.body([]byte(r.SNS.Message), depth+1)
		default:
			p.fail("record %d is no S3, SQS or SNS record", i)
		}
	}
}

// s3 reads one S3 record. Servers other than AWS write the event's name with the prefix "s3:".
func (p *eventParser) s3(i int, r *record) {
	if !strings.HasPrefix(strings.TrimPrefix(r.EventName, "s3:"), "ObjectCreated:") {
		return
	}
	key, err := s3Key(r.S3.Object.Key, r.S3.Bucket.ARN)
	if err != nil {
		p.fail("record %d: %w", i, err)
		return
	}
	p.created(ObjectCreated{
		Bucket:    r.S3.Bucket.Name,
		Key:       key,
		Size:      size(r.S3.Object.Size),
		ETag:      unquote(r.S3.Object.ETag),
		Sequencer: r.S3.Object.Sequencer,
		Time:      eventTime(r.EventTime),
	})
}

// s3Key decodes a key. AWS and MinIO encode it as a form does ("+" is a blank). versitygw sends it as it is; it is
// known by an ARN that begins with the request's path, so with a slash where AWS has the first letter of the bucket.
func s3Key(key, bucketARN string) (string, error) {
	if strings.HasPrefix(bucketARN, "arn:aws:s3:::/") {
		return key, nil
	}
	return url.QueryUnescape(key)
}

// eventBridge reads an S3 event from EventBridge, whose detail has its own shape and whose key is not encoded.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
func (p *eventParser) eventBridge(f fields) {
	if f.text("source") != "aws.s3" || f.text("detail-type") != "Object Created" {
		return
	}
	var detail struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string      `json:"key"`
			Size      json.Number `json:"size"`
			ETag      string      `json:"etag"`
			Sequencer string      `json:"sequencer"`
		} `json:"object"`
	}
	if err := json.Unmarshal(f["detail"], &detail); err != nil {
		p.fail("detail: %w", err)
		return
	}
	p.created(ObjectCreated{
		Bucket:    detail.Bucket.Name,
		Key:       detail.Object.Key,
		Size:      size(detail.Object.Size),
		ETag:      unquote(detail.Object.ETag),
		Sequencer: detail.Object.Sequencer,
		Time:      eventTime(f.text("time")),
	})
}
