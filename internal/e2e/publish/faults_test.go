package publish_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// troubled stands before an S3 server and lets some requests fail as the real one's do.
type troubled struct {
	backend string

	mu       sync.Mutex
	rng      *rand.Rand
	injected map[string]int // by kind
}

// kinds of trouble. Each says whether it can befall the request.
var kinds = map[string]func(r *http.Request) bool{
	"409 ConditionalRequestConflict": func(r *http.Request) bool { return r.Header.Get("If-None-Match") != "" },
	"503 SlowDown":                   func(*http.Request) bool { return true },
	"429 TooManyRequests":            func(*http.Request) bool { return true },
	"the answer is lost":             func(*http.Request) bool { return true },
	"the list is cut":                func(r *http.Request) bool { return r.URL.Query().Has("list-type") },
	"the object hangs": func(r *http.Request) bool {
		return r.Method == http.MethodGet && !r.URL.Query().Has("list-type")
	},
}

// draw chooses what befalls the request; usually nothing.
func (p *troubled) draw(r *http.Request) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var possible []string
	for _, kind := range []string{"409 ConditionalRequestConflict", "503 SlowDown", "429 TooManyRequests", "the answer is lost", "the list is cut", "the object hangs"} {
		if kinds[kind](r) {
			possible = append(possible, kind)
		}
	}
	if p.rng.IntN(6) > 0 {
		return ""
	}
	kind := possible[p.rng.IntN(len(possible))]
	p.injected[kind]++
	return kind
}

func (p *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := p.draw(r)
	if status, code, ok := strings.Cut(kind, " "); ok && status[0] >= '0' && status[0] <= '9' {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(map[string]int{"409": 409, "429": 429, "503": 503}[status])
		_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>injected</Message></Error>")
		return
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.backend+r.URL.RequestURI(), r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header, out.Host, out.ContentLength = r.Header, r.Host, r.ContentLength // as they were signed
	res, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || kind == "the answer is lost" {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), res.Header)
	w.WriteHeader(res.StatusCode)
	if kind == "" {
		_, _ = w.Write(body)
		return
	}
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	if kind == "the object hangs" {
		<-r.Context().Done() // the client's own limit ends it
	}
	panic(http.ErrAbortHandler)
}

// TestTroubledStore has an S3 server that answers every sixth request in one of the ways that say nothing of the object. Each of them is an error
// to be tried again and never a refusal, what the SDK tries again by itself is done once, and nothing is lost or survives an erasure.
func TestTroubledStore(t *testing.T) {
	server := servers.Versitygw(t)
	proxy := &troubled{backend: server.Endpoint, rng: rand.New(rand.NewPCG(1, 2)), injected: map[string]int{}}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	client := s3.New(s3.Options{
		BaseEndpoint: &front.URL, UsePathStyle: true, Region: servers.Region, HTTPClient: &http.Client{Timeout: 300 * time.Millisecond},
		Credentials: credentials.NewStaticCredentialsProvider(servers.AccessKey, servers.SecretKey, ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 2
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			o.RateLimiter = ratelimit.None
		}),
	})
	open := func(name string) *blob.Bucket {
		store, err := s3store.New(client, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Bucket().Close() })
		return store.Bucket()
	}
	calm := map[string]*blob.Bucket{"uploads": server.Store(t, "uploads").Bucket(), "assets": server.Store(t, "assets").Bucket()}
	pipeline, err := avatar.New(avatar.Config{})
	if err != nil {
		t.Fatal(err)
	}
	processor := func(uploads, assets *blob.Bucket) *avatar.Processor {
		p, err := avatar.NewProcessor(pipeline, uploads, assets, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p, quiet := processor(open("uploads"), open("assets")), processor(calm["uploads"], calm["assets"])
	failed := 0
	insist := func(do func() error) {
		t.Helper()
		for range 60 {
			err := do()
			if err == nil {
				return
			}
			var reject *avatar.RejectError
			if errors.As(err, &reject) || errors.Is(err, avatar.ErrNotUploaded) {
				t.Fatalf("the store's trouble is taken for an outcome: %v", err)
			}
			failed++
		}
		t.Fatal("no success in 60 tries")
	}

	var newest string
	for i := range 12 {
		key, id, err := quiet.NewUploadKey("alice", "image/jpeg")
		if err != nil {
			t.Fatal(err)
		}
		data := []byte("this is text and no picture")
		if good := i%3 != 2; good {
			data, newest = gray(t), id
		}
		if err := calm["uploads"].WriteAll(t.Context(), key, data, nil); err != nil {
			t.Fatal(err)
		}
		insist(func() error { _, err := p.Process(t.Context(), key); return err })
		s, err := quiet.Status(t.Context(), "alice", id)
		want := avatar.StateReady
		if i%3 == 2 {
			want = avatar.StateRejected
		}
		if err != nil || s.State != want || s.Reject != nil && s.Reject.Reason != avatar.ReasonUnsupportedFormat {
			t.Errorf("upload %d is %s (%v), %v; want %s", i, s.State, s.Reject, err, want)
		}
		if m, err := quiet.Current(t.Context(), "alice"); err != nil || m.UploadID != newest {
			t.Errorf("upload %d: current is %s, %v; want %s", i, m.UploadID, err, newest)
		}
	}
	if got, err := quiet.Recover(t.Context()); err != nil || got.Handled != 0 {
		t.Errorf("acknowledged, and not handled: %+v, %v", got, err)
	}
	insist(func() error { _, err := p.Recover(t.Context()); return err })
	insist(func() error { _, err := p.Sweep(t.Context()); return err })
	insist(func() error { _, err := p.Erase(t.Context(), "alice"); return err })
	for name, bucket := range calm {
		for it := bucket.List(nil); ; {
			obj, err := it.Next(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(obj.Key, "alice") {
				t.Errorf("%s has still %s", name, obj.Key)
			}
		}
	}
	proxy.mu.Lock()
	defer proxy.mu.Unlock()
	for kind := range kinds {
		if proxy.injected[kind] == 0 {
			t.Errorf("%q did not happen: the test shows nothing of it", kind)
		}
	}
	t.Logf("injected %v; %d calls failed and were made again", proxy.injected, failed)
}

func gray(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, image.NewGray(image.Rect(0, 0, 100, 100)), nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
