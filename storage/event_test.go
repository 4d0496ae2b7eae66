package storage_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/storage"
)

var update = flag.Bool("update", false, "rewrite the golden files of this package")

// fixture returns a notification below testdata/events.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "events", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestParseEventsGolden reads each documented notification and compares with the .golden file beside it, exactly.
func TestParseEventsGolden(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("testdata", "events", "*.json"))
	if err != nil || len(names) < 20 {
		t.Fatalf("found %d notifications: %v", len(names), err)
	}
	for _, path := range names {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			events, err := storage.ParseEvents(fixture(t, filepath.Base(path)))
			if err != nil && !errors.Is(err, storage.ErrMalformedEvent) {
				t.Errorf("error %v is not ErrMalformedEvent", err)
			}
			compareGolden(t, strings.TrimSuffix(path, ".json")+".golden", describe(events, err))
		})
	}
}

func describe(events []storage.ObjectCreated, err error) string {
	var b strings.Builder
	for _, e := range events {
		line, _ := json.Marshal(e)
		fmt.Fprintf(&b, "%s\n", line)
	}
	if err != nil {
		fmt.Fprintf(&b, "error:\n%v\n", err)
	}
	return b.String()
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// s3Event is a minimal S3 notification of one key as it is written in the message.
func s3Event(name, key string) []byte {
	k, _ := json.Marshal(key)
	return fmt.Appendf(nil, `{"Records":[{"eventSource":"aws:s3","eventName":%q,"s3":{"bucket":{"name":"uploads","arn":"arn:aws:s3:::uploads"},"object":{"key":%s,"size":5}}}]}`, name, k)
}

func TestParseEventsKeys(t *testing.T) {
	tests := []struct {
		name, sent, want string
	}{
		{"plain", "uploads/u1/a.jpg", "uploads/u1/a.jpg"},
		{"plus is a blank", "a+b", "a b"},
		{"percent 20 is a blank", "a%20b", "a b"},
		{"percent 2B is a plus", "a%2Bb", "a+b"},
		{"decoded once only", "a%252Fb", "a%2Fb"},
		{"not latin", "%E2%9C%93", "✓"},
		{"malformed escape", "a%zzb", ""},
		{"cut escape", "a%2", ""},
		{"not UTF-8", "a%FF", ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := storage.ParseEvents(s3Event("ObjectCreated:Put", tt.sent))
			if tt.want == "" {
				if len(events) != 0 || !errors.Is(err, storage.ErrMalformedEvent) {
					t.Fatalf("got %v, %v, want ErrMalformedEvent", events, err)
				}
				return
			}
			if err != nil || len(events) != 1 || events[0].Key != tt.want {
				t.Errorf("got %v, %v, want the key %q", events, err, tt.want)
			}
		})
	}
}

func TestParseEventsNames(t *testing.T) {
	tests := []struct {
		name    string
		created bool
	}{
		{"ObjectCreated:Put", true},
		{"ObjectCreated:Post", true},
		{"ObjectCreated:Copy", true},
		{"ObjectCreated:CompleteMultipartUpload", true},
		{"s3:ObjectCreated:Put", true},
		{"s3:ObjectCreated:PutRetention", true},
		{"ObjectRemoved:Delete", false},
		{"s3:ObjectRemoved:DeleteMarkerCreated", false},
		{"ObjectTagging:Put", false},
		{"ObjectRestore:Completed", false},
		{"ObjectCreatedX:Put", false},
		{"", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := storage.ParseEvents(s3Event(tt.name, "k"))
			if err != nil || (len(events) == 1) != tt.created {
				t.Errorf("got %v, %v, want created %t", events, err, tt.created)
			}
		})
	}
}

func TestParseEventsRefuses(t *testing.T) {
	deep := `{"Event":"s3:TestEvent"}`
	for range 7 {
		body, _ := json.Marshal(deep)
		deep = fmt.Sprintf(`{"Type":"Notification","TopicArn":"t","Message":%s}`, body)
	}
	tests := []struct {
		name, body string
	}{
		{"nothing", ``},
		{"not JSON", `hello`},
		{"null", `null`},
		{"number", `7`},
		{"string", `"Records"`},
		{"array of numbers", `[1]`},
		{"array of null", `[null]`},
		{"unknown object", `{"a":1}`},
		{"cut short", `{"Records":[{`},
		{"records are no list", `{"Records":{}}`},
		{"SNS message is text", `{"Type":"Notification","TopicArn":"t","Message":"disk full"}`},
		{"wrapped too deep", deep},
		{"blob without container", `{"eventType":"Microsoft.Storage.BlobCreated","eventTime":"x","subject":"/blobs/a","data":{}}`},
		{"blob without data", `{"eventType":"Microsoft.Storage.BlobCreated","eventTime":"x","subject":"/containers/c/blobs/a"}`},
		{"bad base64", `{"message":{"attributes":{"eventType":"OBJECT_FINALIZE"},"data":"%"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := storage.ParseEvents([]byte(tt.body))
			if len(events) != 0 || !errors.Is(err, storage.ErrMalformedEvent) {
				t.Errorf("got %v, %v, want ErrMalformedEvent", events, err)
			}
		})
	}
}

func TestParseMessageAttributes(t *testing.T) {
	object := fixture(t, "gcs_object.json")
	const key = "uploads/u1/a b+c%20.jpg"
	tests := []struct {
		name       string
		attributes map[string]string
		body       []byte
		created    bool
	}{
		{"pulled from Pub/Sub", map[string]string{"eventType": "OBJECT_FINALIZE", "objectId": key, "bucketId": "b"}, object, true},
		{"unwrapped push", map[string]string{"Eventtype": "OBJECT_FINALIZE", "Objectid": key, "Bucketid": "b"}, object, true},
		{"without payload", map[string]string{"eventType": "OBJECT_FINALIZE", "objectId": key, "bucketId": "b"}, nil, true},
		{"deletion", map[string]string{"eventType": "OBJECT_DELETE", "objectId": key, "bucketId": "b"}, object, false},
		{"metadata only", map[string]string{"eventType": "OBJECT_METADATA_UPDATE", "objectId": key, "bucketId": "b"}, object, false},
		{"CloudEvent in HTTP headers", map[string]string{"Ce-Type": "google.cloud.storage.object.v1.finalized"}, object, true},
		{"CloudEvent in Kafka headers", map[string]string{"ce_type": "google.cloud.storage.object.v1.finalized"}, object, true},
		{"CloudEvent of a blob", map[string]string{"ce-type": "Microsoft.Storage.BlobCreated", "ce-subject": "/blobServices/default/containers/b/blobs/uploads/u1/a%20b+c%2520.jpg"}, []byte(`{"api":"PutBlob"}`), true},
		{"CloudEvent of something else", map[string]string{"ce-type": "com.example"}, object, false},
		{"unrelated attributes", map[string]string{"Content-Type": "text/plain"}, s3Event("ObjectCreated:Put", "uploads/u1/a+b%2Bc%2520.jpg"), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := storage.ParseMessage(tt.attributes, tt.body)
			if err != nil || (len(events) == 1) != tt.created {
				t.Fatalf("got %v, %v, want created %t", events, err, tt.created)
			}
			if tt.created && events[0].Key != key {
				t.Errorf("key %q, want %q", events[0].Key, key)
			}
		})
	}
}

// FuzzParseMessage: no input panics, every error is ErrMalformedEvent, and every event has a key that a reader can use.
func FuzzParseMessage(f *testing.F) {
	names, _ := filepath.Glob(filepath.Join("testdata", "events", "*.json"))
	for _, name := range names {
		f.Add("", "", fixture(f, filepath.Base(name)))
	}
	f.Add("eventType", "OBJECT_FINALIZE", []byte(`{}`))
	f.Add("ce-type", "Microsoft.Storage.BlobCreated", []byte(`{}`))
	f.Fuzz(func(t *testing.T, name, value string, body []byte) {
		attributes := map[string]string{name: value, "objectId": "k", "ce-subject": value}
		events, err := storage.ParseMessage(attributes, body)
		if err != nil && !errors.Is(err, storage.ErrMalformedEvent) {
			t.Errorf("error %v is not ErrMalformedEvent", err)
		}
		for _, e := range events {
			if e.Key == "" || e.Size < 0 {
				t.Errorf("impossible event %+v", e)
			}
		}
		again, _ := storage.ParseMessage(attributes, body)
		if len(again) != len(events) {
			t.Errorf("read %d events, then %d", len(events), len(again))
		}
	})
}

func ExampleParseEvents() {
	events, err := storage.ParseEvents([]byte(`{"Records":[{
		"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-03-01T12:30:45.123Z",
		"s3": {"bucket": {"name": "uploads"}, "object": {"key": "uploads/avatars/u1/my+face.jpg", "size": 1024}}
	}]}`))
	for _, e := range events {
		fmt.Println(e.Bucket, e.Key, e.Size)
	}
	fmt.Println(err)
	// Output:
	// uploads uploads/avatars/u1/my face.jpg 1024
	// <nil>
}

func ExampleParseMessage() {
	// A message pulled from a Pub/Sub subscription that GCS notifies.
	attributes := map[string]string{"eventType": "OBJECT_FINALIZE", "bucketId": "uploads", "objectId": "uploads/u1/1.jpg"}
	events, err := storage.ParseMessage(attributes, []byte(`{"kind": "storage#object", "size": "1024"}`))
	fmt.Println(events[0].Bucket, events[0].Key, events[0].Size, err)
	// Output: uploads uploads/u1/1.jpg 1024 <nil>
}
