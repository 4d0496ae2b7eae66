package ready_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/mempubsub"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/examples/ready"
)

func published(id string) avatar.Published {
	return avatar.Published{Subject: "u1", Manifest: avatar.Manifest{
		Kind: "avatar", PublicID: "u1", UploadID: id,
		Variants: []avatar.PublishedVariant{{Name: "512", Key: "avatars/u1/" + id + "/512.jpg", Width: 512}},
	}}
}

func open(t *testing.T) (*pubsub.Topic, *pubsub.Subscription) {
	t.Helper()
	topic := mempubsub.NewTopic()
	subscription := mempubsub.NewSubscription(topic, time.Minute)
	t.Cleanup(func() {
		_ = subscription.Shutdown(context.Background())
		_ = topic.Shutdown(context.Background())
	})
	return topic, subscription
}

// TestRedelivery: what a handler fails at comes again; duplicates and older versions are dropped.
func TestRedelivery(t *testing.T) {
	topic, subscription := open(t)
	send := ready.Publish(topic, "https://assets.example/")
	if err := topic.Send(t.Context(), &pubsub.Message{Body: []byte("not ours")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	failures := 2
	var got []string
	next := make(chan struct{}, 1)
	handle := new(ready.Newer).Handle(func(_ context.Context, m ready.Message) error {
		if failures > 0 {
			failures--
			return errors.New("not yet")
		}
		got = append(got, m.UploadID+" "+m.Variants["512"])
		next <- struct{}{}
		return nil
	})
	done := make(chan error, 1)
	go func() { done <- ready.Receive(ctx, subscription, handle) }()
	for _, ids := range [][]string{{"2"}, {"2", "1", "3"}} {
		for _, id := range ids {
			if err := send(t.Context(), published(id)); err != nil {
				t.Fatal(err)
			}
		}
		<-next
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Receive returned %v", err)
	}
	want := []string{"2 https://assets.example/avatars/u1/2/512.jpg", "3 https://assets.example/avatars/u1/3/512.jpg"}
	if !slices.Equal(got, want) || failures != 0 {
		t.Errorf("handled %q, want %q; %d failures were not asked for", got, want, failures)
	}
}

// TestSendFails: the processor must hear of it, to try again.
func TestSendFails(t *testing.T) {
	topic, _ := open(t)
	if err := topic.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ready.Publish(topic, "/")(t.Context(), published("1")); err == nil {
		t.Error("no error from a topic that is shut down")
	}
}

func ExamplePublish() {
	topic := mempubsub.NewTopic()
	subscription := mempubsub.NewSubscription(topic, time.Minute)
	options := avatar.Options{OnPublished: ready.Publish(topic, "https://assets.example.com/")} // for avatar.NewProcessor

	ctx := context.Background()
	if err := options.OnPublished(ctx, published("018f-upload")); err != nil { // the processor does this
		fmt.Println(err)
	}
	m, err := subscription.Receive(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Ack()
	fmt.Printf("%s\n", m.Body)
	// Output:
	// {"kind":"avatar","subject":"u1","upload_id":"018f-upload","issued":"0001-01-01T00:00:00Z","url":"https://assets.example.com/avatars/u1/018f-upload/512.jpg","variants":{"512":"https://assets.example.com/avatars/u1/018f-upload/512.jpg"}}
}
