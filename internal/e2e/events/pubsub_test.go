package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/gcppubsub"
	"gocloud.dev/pubsub/natspubsub"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/cruddur/avatarkit/storage"
)

// consume passes every message of the subscription to the queue until the test ends, as a service would.
func consume(t *testing.T, subscription *pubsub.Subscription, q *storage.Queue) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		for {
			m, err := subscription.Receive(ctx)
			if err != nil {
				done <- err
				return
			}
			if err := q.Message(ctx, m.Metadata, m.Body); err == nil {
				m.Ack()
			} else if m.Nackable() {
				m.Nack()
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("receive: %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = subscription.Shutdown(ctx)
	})
}

func newQueue(t *testing.T, handle func(context.Context, storage.ObjectCreated) error) *storage.Queue {
	t.Helper()
	q, err := storage.NewQueue(storage.QueueConfig{Handle: handle, Filter: uploads})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestNATS goes from a real upload over versitygw's NATS notifications to an "avatar ready" message that others receive.
func TestNATS(t *testing.T) {
	server, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	go server.Start()
	t.Cleanup(func() { server.Shutdown(); server.WaitForShutdown() })
	if !server.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready")
	}
	conn, err := nats.Connect(server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	open := func(subject string) *pubsub.Subscription {
		s, err := natspubsub.OpenSubscription(conn, subject, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ready := open("avatar.ready")
	topic, err := natspubsub.OpenTopic(conn, "avatar.ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = topic.Shutdown(context.Background()); _ = ready.Shutdown(context.Background()) })
	consume(t, open("s3events"), newQueue(t, func(ctx context.Context, e storage.ObjectCreated) error {
		body, err := json.Marshal(map[string]string{"key": e.Key})
		if err != nil {
			return err
		}
		return topic.Send(ctx, &pubsub.Message{Body: body})
	}))
	c := startVersitygw(t, "--event-nats-url", server.ClientURL(), "--event-nats-topic", "s3events")
	put(t, c, "other/1.jpg")
	put(t, c, "uploads/avatars/u1/a b.jpg")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := ready.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m.Ack()
	if got := string(m.Body); got != `{"key":"uploads/avatars/u1/a b.jpg"}` {
		t.Errorf("message %s", got)
	}
}

// TestPubSub pulls a GCS notification, fails, and gets it again.
func TestPubSub(t *testing.T) {
	server := pstest.NewServer()
	t.Cleanup(func() { _ = server.Close() })
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	const topic, subscription = "projects/p/topics/uploads", "projects/p/subscriptions/uploads"
	if _, err := pubsubpb.NewPublisherClient(conn).CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	if _, err := pubsubpb.NewSubscriberClient(conn).CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: topic, AckDeadlineSeconds: 10}); err != nil {
		t.Fatal(err)
	}
	subscriber, err := gcppubsub.SubscriberClient(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := gcppubsub.OpenSubscriptionByPath(subscriber, subscription, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := &inbox{failures: 2}
	consume(t, opened, newQueue(t, in.handle))
	notify := func(event, key string) {
		server.Publish(topic, []byte(`{"kind":"storage#object","size":"5","etag":"CMCo"}`), map[string]string{
			"eventType": event, "bucketId": "uploads", "objectId": key, "objectGeneration": "1772368245123456", "payloadFormat": "JSON_API_V1",
		})
	}
	notify("OBJECT_DELETE", "uploads/avatars/u1/0.jpg")
	notify("OBJECT_FINALIZE", "uploads/avatars/u1/1.jpg")
	e := in.wait(t, "uploads/avatars/u1/1.jpg")
	if e.Size != 5 || e.Sequencer != "1772368245123456" || len(in.events) != 1 {
		t.Errorf("events %+v", in.events)
	}
}
