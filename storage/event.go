package storage

import (
	"errors"
	"time"
)

// ObjectCreated says that an object was written. It is the same from every store and every way that the news came.
type ObjectCreated struct {
	// Bucket is the bucket's or container's name; empty from a store that has none.
	Bucket string
	// Key is the object's key, decoded: what a reader of the bucket passes to open it.
	Key string
	// Size is the length in bytes; 0 when the sender does not say (versitygw after a multipart upload, for one).
	Size int64
	// ETag is without quotes.
	ETag string
	// Sequencer orders events of one key where the store gives one: S3's sequencer, GCS's generation, Azure's sequencer.
	// Do not rely on it: MinIO's is a clock, and a store may leave it out.
	Sequencer string
	// Time is when the object was written, in UTC; zero when the sender does not say.
	Time time.Time
}

// ErrMalformedEvent is the error of a message, or of one record in it, that can never be understood: sending it again
// does not help.
var ErrMalformedEvent = errors.New("malformed storage event")

// ErrPermanent may be wrapped by the error of a handler to say that the event cannot be handled and must not be sent
// again. [Webhook] and [Queue] log and count such an event and acknowledge it.
var ErrPermanent = errors.New("event cannot be handled")

// ParseEvents reads the objects that a notification announces as created, in the order of the message. It understands
//
//   - S3 event notifications, every ObjectCreated:* name, from AWS, from MinIO and from versitygw;
//   - the same wrapped by SNS (as posted over HTTP or as given to a Lambda), by SQS (as given to a Lambda), or by one
//     in the other;
//   - S3 events through EventBridge;
//   - GCS notifications as pushed by Pub/Sub, and Eventarc's CloudEvents in structured or batched form;
//   - Azure Event Grid in its own schema and as CloudEvents.
//
// A message that is understood but announces no new object (a test event, a deletion, a subscription handshake) yields
// no event and no error. A record that is broken (no key, a malformed escape such as "%zz") is left out and reported in
// the error, which wraps [ErrMalformedEvent], while the other records are still returned: both results can be non-nil.
//
// ParseEvents trusts the body. What comes from a network goes through [Webhook], which checks who sent it.
func ParseEvents(body []byte) ([]ObjectCreated, error) {
	return ParseMessage(nil, body)
}

// ParseMessage is [ParseEvents] for messages whose meaning is partly in attributes beside the body: Pub/Sub message
// attributes (pulled, or pushed without a wrapper), and CloudEvents in binary mode ("ce-" HTTP headers, "ce_" Kafka
// headers). The names of attributes are compared without regard to case. With no such attribute it reads the body alone.
func ParseMessage(attributes map[string]string, body []byte) ([]ObjectCreated, error) {
	var p eventParser
	p.message(lowerKeys(attributes), body)
	return p.events, errors.Join(p.faults...)
}
