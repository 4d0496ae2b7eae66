package storage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/storage"
)

// sqsEvent is a Lambda event of messages m0, m1, …, with the given bodies.
func sqsEvent(queue string, bodies ...[]byte) json.RawMessage {
	var records []map[string]string
	for i, b := range bodies {
		records = append(records, map[string]string{
			"messageId": fmt.Sprintf("m%d", i), "body": string(b), "eventSource": "aws:sqs",
			"eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:" + queue,
		})
	}
	event, _ := json.Marshal(map[string]any{"Records": records})
	return event
}

func TestQueueLambda(t *testing.T) {
	good, bad := s3Events("uploads:uploads/good"), s3Events("uploads:uploads/fail")
	tests := []struct {
		name    string
		payload json.RawMessage
		failed  []string
		handled []string
		wantErr bool
	}{
		{"all good", sqsEvent("q", good, good), []string{}, []string{"uploads/good", "uploads/good"}, false},
		{"one fails", sqsEvent("q", good, bad, good), []string{"m1"}, []string{"uploads/good", "uploads/fail", "uploads/good"}, false},
		{"FIFO stops at the first failure", sqsEvent("q.fifo", good, bad, good, good), []string{"m1", "m2", "m3"}, []string{"uploads/good", "uploads/fail"}, false},
		{"junk is done with", sqsEvent("q", []byte("junk"), s3Events("uploads:uploads/%zz"), good), []string{}, []string{"uploads/good"}, false},
		{"one record of several fails", sqsEvent("q", s3Events("uploads:uploads/fail", "uploads:uploads/good")), []string{"m0"}, []string{"uploads/fail", "uploads/good"}, false},
		{"cannot be handled", sqsEvent("q", s3Events("uploads:uploads/never")), []string{}, []string{"uploads/never"}, false},
		{"S3 itself", json.RawMessage(good), []string{}, []string{"uploads/good"}, false},
		{"S3 itself fails", json.RawMessage(bad), []string{}, []string{"uploads/fail"}, true},
		{"no records", json.RawMessage(`{"Records":[]}`), []string{}, nil, false},
		{"junk", json.RawMessage(`7`), []string{}, nil, false},
		{"message without id", json.RawMessage(strings.ReplaceAll(string(sqsEvent("q", bad)), "m0", "")), []string{}, []string{"uploads/fail"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := &inbox{fail: map[string]error{
				"uploads/fail":  errors.New("database is down"),
				"uploads/never": storage.ErrPermanent,
			}}
			q, err := storage.NewQueue(storage.QueueConfig{Handle: in.handle, Filter: uploadsOnly})
			if err != nil {
				t.Fatal(err)
			}
			response, err := q.Lambda(t.Context(), tt.payload)
			if (err != nil) != tt.wantErr {
				t.Errorf("error %v, want one: %t", err, tt.wantErr)
			}
			failed := []string{}
			for _, f := range response.BatchItemFailures {
				failed = append(failed, f.ItemIdentifier)
			}
			if !slices.Equal(failed, tt.failed) {
				t.Errorf("failed %q, want %q", failed, tt.failed)
			}
			if got := in.take(); !slices.Equal(got, tt.handled) {
				t.Errorf("handled %q, want %q", got, tt.handled)
			}
		})
	}
}

// TestBatchResponseJSON: Lambda takes null for a failure of the whole batch.
func TestBatchResponseJSON(t *testing.T) {
	in := &inbox{fail: map[string]error{"uploads/fail": errors.New("down")}}
	q, err := storage.NewQueue(storage.QueueConfig{Handle: in.handle, Filter: uploadsOnly})
	if err != nil {
		t.Fatal(err)
	}
	for payload, want := range map[string]string{
		string(sqsEvent("q", s3Events("uploads:uploads/good"))): `{"batchItemFailures":[]}`,
		string(sqsEvent("q", s3Events("uploads:uploads/fail"))): `{"batchItemFailures":[{"itemIdentifier":"m0"}]}`,
	} {
		response, err := q.Lambda(t.Context(), json.RawMessage(payload))
		got, _ := json.Marshal(response)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestQueueMessage(t *testing.T) {
	in := &inbox{fail: map[string]error{"uploads/fail": errors.New("down")}}
	q, err := storage.NewQueue(storage.QueueConfig{Handle: in.handle, Filter: uploadsOnly})
	if err != nil {
		t.Fatal(err)
	}
	attributes := map[string]string{"eventType": "OBJECT_FINALIZE", "bucketId": "uploads", "objectId": "uploads/good"}
	if err := q.Message(t.Context(), attributes, nil); err != nil {
		t.Errorf("good: %v", err)
	}
	attributes["objectId"] = "uploads/fail"
	if err := q.Message(t.Context(), attributes, nil); err == nil {
		t.Error("a failed message would be acknowledged")
	}
	if err := q.Message(t.Context(), nil, []byte("junk")); err != nil {
		t.Errorf("junk would come again for ever: %v", err)
	}
}

func FuzzQueueLambda(f *testing.F) {
	f.Add([]byte(sqsEvent("q", s3Events("uploads:uploads/a"))))
	f.Add([]byte(sqsEvent("q.fifo", s3Events("uploads:uploads/a"), []byte("junk"))))
	f.Fuzz(func(t *testing.T, payload []byte) {
		failing := func(context.Context, storage.ObjectCreated) error { return errors.New("down") }
		q, err := storage.NewQueue(storage.QueueConfig{Handle: failing, Filter: uploadsOnly})
		if err != nil {
			t.Fatal(err)
		}
		response, _ := q.Lambda(t.Context(), payload)
		for _, failure := range response.BatchItemFailures {
			if failure.ItemIdentifier == "" {
				t.Error("a failure names no message: SQS would repeat the whole batch")
			}
		}
	})
}

func ExampleNewQueue() {
	queue, err := storage.NewQueue(storage.QueueConfig{
		Handle: func(_ context.Context, e storage.ObjectCreated) error {
			if e.Key == "uploads/avatars/u1/2.jpg" {
				return errors.New("database is down")
			}
			fmt.Println("uploaded:", e.Key)
			return nil
		},
		Filter: storage.Filter{Prefixes: []string{"uploads/avatars/"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// In a function: lambda.Start(queue.Lambda)
	response, err := queue.Lambda(context.Background(), sqsEvent("uploads",
		s3Events("b:uploads/avatars/u1/1.jpg"), s3Events("b:uploads/avatars/u1/2.jpg")))
	answer, _ := json.Marshal(response)
	fmt.Println(string(answer), err)
	// Output:
	// uploaded: uploads/avatars/u1/1.jpg
	// {"batchItemFailures":[{"itemIdentifier":"m1"}]} <nil>
}
