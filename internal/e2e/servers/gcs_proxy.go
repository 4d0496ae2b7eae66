package servers

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// gcsProxy stands in front of fake-gcs-server, with one door for the world and one for administrators.
type gcsProxy struct {
	target   *url.URL
	forward  *httputil.ReverseProxy
	accessID string
	key      *rsa.PublicKey

	mu       sync.Mutex
	settings map[string]bucketSettings
}

// bucketSettings are the members of a bucket resource that fake-gcs-server does not keep, and its IAM policy.
type bucketSettings map[string]json.RawMessage

// kept are those members.
var kept = []string{"cors", "lifecycle", "iamConfiguration"}

func (p *gcsProxy) setting(bucket, name string) json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings[bucket][name]
}

func (p *gcsProxy) set(bucket, name string, value json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.settings[bucket] == nil {
		p.settings[bucket] = bucketSettings{}
	}
	p.settings[bucket][name] = value
}

// admin forwards everything, and adds the settings to bucket resources.
func (p *gcsProxy) admin(w http.ResponseWriter, r *http.Request) {
	rest, isBucket := strings.CutPrefix(r.URL.Path, "/storage/v1/b/")
	bucket, sub, _ := strings.Cut(rest, "/")
	switch {
	case isBucket && sub == "iam":
		p.iam(w, r, bucket)
	case isBucket && bucket != "" && sub == "" && (r.Method == http.MethodGet || r.Method == http.MethodPatch):
		p.bucket(w, r, bucket)
	default:
		p.forward.ServeHTTP(w, r)
	}
}

func (p *gcsProxy) iam(w http.ResponseWriter, r *http.Request, bucket string) {
	if r.Method == http.MethodPut {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		p.set(bucket, "iam", body)
	}
	policy := p.setting(bucket, "iam")
	if policy == nil {
		policy = json.RawMessage(`{"kind":"storage#policy","version":1,"bindings":[]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(policy) // the client went away
}

func (p *gcsProxy) bucket(w http.ResponseWriter, r *http.Request, bucket string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var change map[string]json.RawMessage
	if r.Method == http.MethodPatch && json.Unmarshal(body, &change) == nil {
		for _, name := range kept {
			if value, ok := change[name]; ok {
				p.set(bucket, name, value)
			}
		}
	}
	req := r.Clone(r.Context())
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := newRecorder()
	p.forward.ServeHTTP(answer, req)
	var resource map[string]json.RawMessage
	if answer.status == http.StatusOK && json.Unmarshal(answer.body.Bytes(), &resource) == nil {
		for _, name := range kept {
			if value := p.setting(bucket, name); value != nil {
				resource[name] = value
			}
		}
		if merged, err := json.Marshal(resource); err == nil {
			answer.body.Reset()
			answer.body.Write(merged)
		}
	}
	answer.copyTo(w)
}

// public is what strangers reach: signed URLs, forms, preflights, and what the bucket's IAM policy opens to allUsers.
func (p *gcsProxy) public(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	p.cors(w, r, bucket)
	var err error
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodPost && key == "":
		err = p.form(w, r, bucket)
	case r.URL.Query().Has("X-Goog-Signature"):
		if err = p.verifyURL(r); err == nil {
			err = p.signed(w, r, bucket, key)
		}
	case p.isPublic(bucket) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		p.forward.ServeHTTP(w, r)
	default:
		err = refuse(http.StatusForbidden, "AccessDenied", "anonymous caller")
	}
	if err != nil {
		writeRefusal(w, err)
	}
}

// signed performs what a verified signed URL asks for.
func (p *gcsProxy) signed(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	if r.Method != http.MethodPut {
		p.forward.ServeHTTP(w, r)
		return nil
	}
	if r.ContentLength < 0 {
		return refuse(http.StatusLengthRequired, "MissingContentLength", "no Content-Length")
	}
	if header := r.Header.Get("X-Goog-Content-Length-Range"); header != "" {
		var low, high int64
		if _, err := fmt.Sscanf(header, "%d,%d", &low, &high); err != nil {
			return refuse(http.StatusBadRequest, "InvalidArgument", "x-goog-content-length-range")
		}
		if err := checkLength(r.ContentLength, low, high); err != nil {
			return err
		}
	}
	status := p.upload(r, bucket, key, r.Header.Get("X-Goog-If-Generation-Match"), r.Header, r.Body, r.ContentLength)
	if status != http.StatusOK {
		return refuse(status, "Failed", http.StatusText(status))
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func checkLength(n, low, high int64) error {
	switch {
	case n < low:
		return refuse(http.StatusBadRequest, "EntityTooSmall", "too small")
	case n > high:
		return refuse(http.StatusBadRequest, "EntityTooLarge", "too large")
	}
	return nil
}

// upload stores through the JSON API, the only one in which fake-gcs-server knows a precondition.
func (p *gcsProxy) upload(r *http.Request, bucket, key, generation string, from http.Header, body io.Reader, length int64) int {
	q := url.Values{"uploadType": {"media"}, "name": {key}}
	if generation != "" {
		q.Set("ifGenerationMatch", generation)
	}
	u := *p.target
	u.Path, u.RawQuery = "/upload/storage/v1/b/"+bucket+"/o", q.Encode()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, u.String(), body)
	if err != nil {
		return http.StatusBadRequest
	}
	req.ContentLength = length
	for _, name := range []string{"Content-Type", "Cache-Control"} {
		if v := from.Get(name); v != "" {
			req.Header.Set(name, v)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return http.StatusBadGateway
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // to use the connection again
	return resp.StatusCode
}

// cors puts the headers on that the bucket's settings give the origin.
// https://cloud.google.com/storage/docs/cross-origin
func (p *gcsProxy) cors(w http.ResponseWriter, r *http.Request, bucket string) {
	var rules []struct {
		Origin         []string `json:"origin"`
		Method         []string `json:"method"`
		ResponseHeader []string `json:"responseHeader"`
		MaxAgeSeconds  int      `json:"maxAgeSeconds"`
	}
	_ = json.Unmarshal(p.setting(bucket, "cors"), &rules) // without any there are none
	origin, method := r.Header.Get("Origin"), r.Header.Get("Access-Control-Request-Method")
	if r.Method != http.MethodOptions {
		method = r.Method
	}
	for _, rule := range rules {
		if origin == "" || !slices.Contains(rule.Origin, origin) && !slices.Contains(rule.Origin, "*") || !slices.Contains(rule.Method, method) {
			continue
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
		if r.Method != http.MethodOptions {
			h.Set("Access-Control-Expose-Headers", strings.Join(rule.ResponseHeader, ", "))
			return
		}
		h.Set("Access-Control-Allow-Methods", strings.Join(rule.Method, ", "))
		h.Set("Access-Control-Allow-Headers", strings.Join(rule.ResponseHeader, ", "))
		h.Set("Access-Control-Max-Age", strconv.Itoa(rule.MaxAgeSeconds))
		return
	}
}

func (p *gcsProxy) isPublic(bucket string) bool {
	return strings.Contains(string(p.setting(bucket, "iam")), `"allUsers"`)
}

// recorder keeps an answer so that it can be changed.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorder) WriteHeader(status int)      { r.status = status }

func (r *recorder) copyTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.Header().Del("Content-Length")
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes()) // the client went away
}
