package path_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	amqp "github.com/rabbitmq/amqp091-go"
	"gocloud.dev/pubsub"
	"gocloud.dev/pubsub/gcppubsub"
	"gocloud.dev/pubsub/mempubsub"
	"gocloud.dev/pubsub/natspubsub"
	"gocloud.dev/pubsub/rabbitpubsub"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/examples/ready"
	"github.com/cruddur/avatarkit/internal/e2e/component"
)

// TestReady goes from an upload to a message that another service receives. The first send fails, which the uploader's event
// must survive; and the receiver fails twice where the message service promises to bring a message again.
func TestReady(t *testing.T) {
	tests := []struct {
		name     string
		open     func(*testing.T) (*pubsub.Topic, *pubsub.Subscription)
		failures int32
	}{
		{"memory", inMemory, 2},
		{"nats", overNATS, 0}, // core NATS brings a message once at most
		{"rabbitmq", overRabbitMQ, 2},
		{"pubsub", overPubSub, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			topic, subscription := tt.open(t)
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				defer cancel()
				_, _ = topic.Shutdown(ctx), subscription.Shutdown(ctx)
			})
			send := ready.Publish(topic, "https://assets.example/")
			var sends atomic.Int32
			s := open(t, memory, &avatar.Options{OnPublished: func(ctx context.Context, p avatar.Published) error {
				if sends.Add(1) == 1 {
					return errors.New("the message service is down")
				}
				return send(ctx, p)
			}})
			messages := receive(t, subscription, tt.failures)
			data := photo(t, red)
			id := s.upload(t, andrew, data, int64(len(data)))
			if status, err := s.processor.Status(t.Context(), andrew, id); err != nil || status.State != avatar.StateReceived {
				t.Errorf("after a failed send: %+v, %v; want it to be unhandled", status, err)
			}
			if found, err := s.processor.Recover(t.Context()); err != nil || found.Handled != 1 {
				t.Fatalf("recovered %+v, %v", found, err)
			}
			m := <-messages
			if m.Subject != andrew || m.UploadID != id || m.URL != "https://assets.example/avatars/"+andrew+"/"+id+"/512.jpg" || len(m.Variants) != 4 {
				t.Errorf("message %+v", m)
			}
			if sends.Load() != 2 {
				t.Errorf("%d sends, want 2", sends.Load())
			}
		})
	}
}

// receive handles messages until the test ends, and fails at the first so many.
func receive(t *testing.T, subscription *pubsub.Subscription, failures int32) <-chan ready.Message {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	messages, done := make(chan ready.Message, 10), make(chan error, 1)
	var left atomic.Int32
	left.Store(failures)
	go func() {
		done <- ready.Receive(ctx, subscription, new(ready.Newer).Handle(func(_ context.Context, m ready.Message) error {
			if left.Add(-1) >= 0 {
				return errors.New("not yet")
			}
			messages <- m
			return nil
		}))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Receive returned %v", err)
		}
		if left.Load() >= 0 {
			t.Errorf("%d failures were not asked for: nothing came again", left.Load()+1)
		}
	})
	return messages
}

func inMemory(*testing.T) (*pubsub.Topic, *pubsub.Subscription) {
	topic := mempubsub.NewTopic()
	return topic, mempubsub.NewSubscription(topic, time.Minute)
}

func overNATS(t *testing.T) (*pubsub.Topic, *pubsub.Subscription) {
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
	subscription, err := natspubsub.OpenSubscription(conn, "avatar.ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	topic, err := natspubsub.OpenTopic(conn, "avatar.ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	return topic, subscription
}

func overPubSub(t *testing.T) (*pubsub.Topic, *pubsub.Subscription) {
	p := startPubSub(t)
	subscription := p.subscribe(t, "p", "avatar-ready")
	publisher, err := gcppubsub.PublisherClient(t.Context(), p.conn)
	if err != nil {
		t.Fatal(err)
	}
	topic, err := gcppubsub.OpenTopicByPath(publisher, "projects/p/topics/avatar-ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	return topic, subscription
}

func overRabbitMQ(t *testing.T) (*pubsub.Topic, *pubsub.Subscription) {
	conn := rabbitMQ(t)
	channel, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	defer channel.Close()
	if err := channel.ExchangeDeclare("avatar-ready", "fanout", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := channel.QueueDeclare("pages", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := channel.QueueBind("pages", "", "avatar-ready", false, nil); err != nil {
		t.Fatal(err)
	}
	return rabbitpubsub.OpenTopic(conn, "avatar-ready", nil), rabbitpubsub.OpenSubscription(conn, "pages", nil)
}

// rabbitMQ starts a broker of its own, beside which Erlang's port mapper runs on: another broker may use it.
func rabbitMQ(t *testing.T) *amqp.Connection {
	t.Helper()
	program := component.Program(t, "rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmq-server")
	dir := t.TempDir()
	_, port, err := net.SplitHostPort(component.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	_, dist, err := net.SplitHostPort(component.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(cmd.Environ(), "RABBITMQ_NODENAME=avatarkit"+port+"@localhost", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
		"RABBITMQ_NODE_PORT="+port, "RABBITMQ_DIST_PORT="+dist, "RABBITMQ_MNESIA_BASE="+dir, "RABBITMQ_LOG_BASE="+dir, "HOME="+dir,
		"RABBITMQ_ENABLED_PLUGINS_FILE="+dir+"/plugins", "ERL_EPMD_ADDRESS=127.0.0.1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a shell script starts the broker
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended by itself
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		conn, err := amqp.Dial("amqp://guest:guest@127.0.0.1:" + port)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
		if time.Now().After(deadline) {
			t.Fatalf("RabbitMQ is not ready: %v", err)
		}
	}
}
