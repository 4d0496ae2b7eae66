// Package ready tells other services that a picture was published: a message on any topic that gocloud.dev/pubsub can open,
// such as SNS, Pub/Sub, Service Bus, NATS, RabbitMQ, Kafka, or memory for tests.
//
//	topic, err := pubsub.OpenTopic(ctx, "gcppubsub://projects/p/topics/avatar-ready")
//	options.OnPublished = ready.Publish(topic, "https://assets.example.com/")
//
// The processor calls OnPublished at least once for each version that becomes current, and again if it fails: then the upload
// stays unhandled until its event, or Recover, comes again. So no message is lost, but some come twice, and late: the receiver
// keeps the greatest upload id that it has seen of a subject and drops what is not greater, as [Newer] does.
package ready

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"gocloud.dev/pubsub"

	"github.com/cruddur/avatarkit/avatar"
)

// Message says that a picture has become current. Its JSON is the body.
type Message struct {
	Kind     string    `json:"kind"`    // such as "avatar"
	Subject  string    `json:"subject"` // whose picture it is; personal data
	UploadID string    `json:"upload_id"`
	Issued   time.Time `json:"issued"`
	// URL is the largest variant, and Variants are all by name.
	URL         string            `json:"url"`
	Variants    map[string]string `json:"variants"`
	Placeholder string            `json:"placeholder,omitempty"` // a ThumbHash in base64
	Color       string            `json:"color,omitempty"`
}

// Publish returns a function for avatar.Options.OnPublished. base precedes the keys of published objects, and ends in "/".
// The messages of one subject carry the metadata "subject", for services that order by it or filter.
func Publish(topic *pubsub.Topic, base string) func(context.Context, avatar.Published) error {
	return func(ctx context.Context, p avatar.Published) error {
		body, err := json.Marshal(message(p, base))
		if err != nil {
			return fmt.Errorf("ready: %w", err)
		}
		m := &pubsub.Message{Body: body, Metadata: map[string]string{"kind": p.Manifest.Kind, "subject": p.Subject}}
		if err := topic.Send(ctx, m); err != nil {
			return fmt.Errorf("ready: send: %w", err)
		}
		return nil
	}
}

func message(p avatar.Published, base string) Message {
	m := Message{
		Kind: p.Manifest.Kind, Subject: p.Subject, UploadID: p.Manifest.UploadID, Issued: p.Manifest.Issued,
		URL: base + p.Manifest.Largest().Key, Variants: map[string]string{},
		Placeholder: p.Manifest.Placeholder, Color: p.Manifest.Color,
	}
	for _, v := range p.Manifest.Variants {
		m.Variants[v.Name] = base + v.Key
	}
	return m
}

// Receive hands messages to handle, one by one, until the context ends or the subscription fails, and returns why. A message is
// acknowledged when handle returns nil, and when it can never be read. One that handle fails at comes again, at once where the
// service can be told so.
func Receive(ctx context.Context, s *pubsub.Subscription, handle func(context.Context, Message) error) error {
	for {
		m, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		var ready Message
		if json.Unmarshal(m.Body, &ready) != nil || ready.UploadID == "" || handle(ctx, ready) == nil {
			m.Ack()
			continue
		}
		if m.Nackable() {
			m.Nack()
		}
	}
}

// Newer remembers the newest upload of each subject and kind. A service that keeps the URL in a database compares there instead,
// as package profile does. The zero value is ready for use, and safe for concurrent use.
type Newer struct {
	mu   sync.Mutex
	seen map[[2]string]string
}

// Handle returns a function for [Receive] that calls handle with what is newer than everything before, and remembers it if that
// succeeds.
func (n *Newer) Handle(handle func(context.Context, Message) error) func(context.Context, Message) error {
	return func(ctx context.Context, m Message) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		key := [2]string{m.Kind, m.Subject}
		if m.UploadID <= n.seen[key] {
			return nil
		}
		if err := handle(ctx, m); err != nil {
			return errors.Join(err, ctx.Err())
		}
		if n.seen == nil {
			n.seen = map[[2]string]string{}
		}
		n.seen[key] = m.UploadID
		return nil
	}
}
