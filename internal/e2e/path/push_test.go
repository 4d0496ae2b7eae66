package path_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/gcppubsub"
)

// pubSub is Pub/Sub in this process.
type pubSub struct {
	addr string
	conn *grpc.ClientConn
}

func startPubSub(t *testing.T) pubSub {
	t.Helper()
	server := pstest.NewServer()
	t.Cleanup(func() { _ = server.Close() })
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pubSub{server.Addr, conn}
}

// subscribe makes the topic and a subscription of the same name, and opens that.
func (p pubSub) subscribe(t *testing.T, project, name string) *pubsub.Subscription {
	t.Helper()
	topic, subscription := "projects/"+project+"/topics/"+name, "projects/"+project+"/subscriptions/"+name
	if _, err := pubsubpb.NewPublisherClient(p.conn).CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	if _, err := pubsubpb.NewSubscriberClient(p.conn).CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: subscription, Topic: topic, AckDeadlineSeconds: 60}); err != nil {
		t.Fatal(err)
	}
	subscriber, err := gcppubsub.SubscriberClient(t.Context(), p.conn)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := gcppubsub.OpenSubscriptionByPath(subscriber, subscription, nil)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// pushFromPubSub starts Pub/Sub with a topic, and posts its messages to the URL in the form of a push subscription, again
// and again until they are acknowledged. pstest itself does not push.
// https://cloud.google.com/pubsub/docs/push#receive_push
func pushFromPubSub(t *testing.T, topic, url string) (addr string) {
	t.Helper()
	p := startPubSub(t)
	subscription := p.subscribe(t, "p", "uploads")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			m, err := subscription.Receive(ctx)
			if err != nil {
				return // the test has ended
			}
			if push(ctx, url, topic, n, m) == nil {
				m.Ack()
			} else {
				m.Nack()
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = subscription.Shutdown(ctx)
	})
	return p.addr
}

func push(ctx context.Context, url, topic string, n int, m *pubsub.Message) error {
	body, err := json.Marshal(map[string]any{
		"message": map[string]any{
			"attributes": m.Metadata, "data": m.Body, "messageId": fmt.Sprint(n), "publishTime": time.Now().UTC().Format(time.RFC3339Nano),
		},
		"subscription": topic,
	})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+secret) // Google sends an OIDC token, which Authorize would verify
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("push: %s", resp.Status)
	}
	return nil
}
