package storagetest

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cruddur/avatarkit/storage"
)

// testRefusals breaks one thing at a time. A broken thing that the grant says is enforced must be refused and leave nothing;
// one that it does not list must go through, or the grant understates its store.
func (s suite) testRefusals(t *testing.T) {
	for _, tt := range policies() {
		t.Run(tt.name, func(t *testing.T) {
			for _, wrong := range wrongs(tt.policy) {
				t.Run(wrong.name, func(t *testing.T) {
					key := s.key()
					g := s.grant(t, key, tt.policy)
					if wrong.change != nil {
						wrong.change(g)
					}
					status := s.send(t, g, wrong.body, nil)
					enforced := slices.Contains(g.Enforced, wrong.enforcedBy)
					switch {
					case enforced && accepted(status):
						t.Errorf("accepted with %d, though the grant enforces it: %q", status, g.Enforced)
					case enforced && s.exists(t, key):
						t.Error("refused, but an object was stored")
					case !enforced && !accepted(status):
						t.Errorf("refused with %d, though the grant does not list %q: %q", status, wrong.enforcedBy, g.Enforced)
					}
				})
			}
			t.Run("nothing", func(t *testing.T) { s.nothing(t, tt.policy) })
			t.Run("without length", func(t *testing.T) { s.withoutLength(t, tt.policy) })
			t.Run("second upload", func(t *testing.T) { s.secondUpload(t, tt.policy) })
			t.Run("other methods", func(t *testing.T) { s.otherMethods(t, tt.policy) })
			t.Run("another key", func(t *testing.T) { s.anotherKey(t, tt.policy) })
			t.Run("altered signature", func(t *testing.T) { s.alteredSignature(t, tt.policy) })
		})
	}
}

// wrong is an upload that differs from what was granted.
type wrong struct {
	name       string
	body       []byte
	change     func(*storage.Grant)
	enforcedBy string // what must be listed for it to be refused
}

func wrongs(p storage.Policy) []wrong {
	sameLength := bytes.ToUpper(content)
	tooLong := append(bytes.Clone(content), make([]byte, max(p.Size, p.MaxBytes)-int64(len(content))+1)...)
	list := []wrong{
		{"one byte too many", tooLong, nil, storage.EnforceMaxBytes},
		{"other type", content, otherType, storage.EnforceType},
	}
	if p.MinBytes > 1 {
		list = append(list, wrong{"below the minimum", content[:p.MinBytes-1], nil, storage.EnforceMaxBytes})
	}
	if p.Size > 0 {
		list = append(list, wrong{"one byte too few", content[1:], nil, storage.EnforceSize})
	}
	if p.SHA256 != "" {
		list = append(list, wrong{"other content of the same length", sameLength, nil, storage.EnforceSHA256})
	}
	return list
}

func otherType(g *storage.Grant) {
	for name := range g.Fields {
		if strings.EqualFold(name, "Content-Type") {
			g.Fields[name] = "text/html"
		}
	}
	if g.Method == http.MethodPut {
		g.Header.Set("Content-Type", "text/html")
		if g.Header.Get("X-Ms-Blob-Content-Type") != "" {
			g.Header.Set("X-Ms-Blob-Content-Type", "text/html")
		}
	}
}

// nothing sends an empty upload. A store that bounds no lengths may still refuse that one.
func (s suite) nothing(t *testing.T, p storage.Policy) {
	key := s.key()
	g := s.grant(t, key, p)
	if status := s.send(t, g, nil, nil); accepted(status) && slices.Contains(g.Enforced, storage.EnforceMaxBytes) {
		t.Errorf("accepted an empty upload: %d", status)
	}
}

// withoutLength sends an upload of no announced length, which no store may take if it bounds the length. A form is exempt: its
// file has bounds, whatever surrounds it.
func (s suite) withoutLength(t *testing.T, p storage.Policy) {
	key := s.key()
	g := s.grant(t, key, p)
	if g.Method != http.MethodPut || !slices.Contains(g.Enforced, storage.EnforceMaxBytes) {
		return
	}
	tooLong := bytes.Repeat(content, 4)
	if status := s.send(t, g, tooLong, func(r *http.Request) { r.ContentLength = -1 }); accepted(status) {
		t.Errorf("accepted without a length: %d", status)
	}
	if s.exists(t, key) {
		t.Error("refused, but an object was stored")
	}
}

func (s suite) secondUpload(t *testing.T, p storage.Policy) {
	key := s.key()
	g := s.grant(t, key, p)
	if status := s.send(t, g, content, nil); !accepted(status) {
		t.Fatalf("a right upload was refused: %d", status)
	}
	again := s.grant(t, key, p) // also with a grant of its own
	for _, g := range []*storage.Grant{g, again} {
		status := s.send(t, g, content, nil)
		if enforced := slices.Contains(g.Enforced, storage.EnforceWriteOnce); enforced == accepted(status) {
			t.Errorf("second upload: status %d, grant enforces %q", status, g.Enforced)
		}
	}
	// Leaving out, or emptying, what asks for write-once must not help.
	for name := range g.Header {
		if name == "Content-Type" || !slices.Contains(g.Enforced, storage.EnforceWriteOnce) {
			continue
		}
		status := s.send(t, g, content, func(r *http.Request) { r.Header.Del(name) })
		if accepted(status) {
			t.Errorf("second upload without %s was accepted: %d", name, status)
		}
	}
}

func (s suite) otherMethods(t *testing.T, p storage.Policy) {
	key := s.key()
	g := s.grant(t, key, p)
	if status := s.send(t, g, content, nil); !accepted(status) {
		t.Fatalf("a right upload was refused: %d", status)
	}
	if !slices.Contains(g.Enforced, storage.EnforceMethod) || g.Method != http.MethodPut {
		return // a form has no signed URL
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		r, err := http.NewRequestWithContext(t.Context(), method, g.URL, nil)
		if err != nil {
			t.Fatal("the grant's URL is malformed")
		}
		if status := s.do(t, r); accepted(status) {
			t.Errorf("%s with the grant's URL: %d", method, status)
		}
	}
	if !s.exists(t, key) {
		t.Error("the object is gone")
	}
}

// anotherKey tries to upload over, or beside, someone else's object.
func (s suite) anotherKey(t *testing.T, p storage.Policy) {
	other := s.key()
	g := s.grant(t, s.key(), p)
	if g.Method == http.MethodPost {
		g.Fields["key"] = other
	} else {
		g.URL = strings.Replace(g.URL, g.Key[len(s.opts.Prefix):], other[len(s.opts.Prefix):], 1)
	}
	if status := s.send(t, g, content, nil); accepted(status) {
		t.Errorf("an upload to another key was accepted: %d", status)
	}
	if s.exists(t, other) {
		t.Error("an object was stored under another key")
	}
}

// alteredSignature changes, and leaves out, every parameter or field in turn.
func (s suite) alteredSignature(t *testing.T, p storage.Policy) {
	key := s.key()
	g := s.grant(t, key, p)
	for what, altered := range alterations(t, g) {
		if status := s.send(t, altered, content, nil); accepted(status) {
			t.Errorf("accepted %s: %d", what, status)
		}
	}
	if s.exists(t, key) {
		t.Error("an altered grant stored an object")
	}
}

func alterations(t *testing.T, g *storage.Grant) map[string]*storage.Grant {
	t.Helper()
	all := map[string]*storage.Grant{}
	for name, value := range g.Fields {
		changed, without := *g, *g
		changed.Fields, without.Fields = maps.Clone(g.Fields), maps.Clone(g.Fields)
		changed.Fields[name] = alter(value)
		delete(without.Fields, name)
		all["with another "+name], all["without "+name] = &changed, &without
	}
	if g.Method == http.MethodPost {
		return all
	}
	u, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal("the grant's URL is malformed")
	}
	withQuery := func(q url.Values) *storage.Grant {
		altered, address := *g, *u
		address.RawQuery = q.Encode()
		altered.URL = address.String()
		return &altered
	}
	for name, values := range u.Query() {
		changed, without := u.Query(), u.Query()
		changed.Set(name, alter(values[0]))
		without.Del(name)
		all["with another "+name], all["without "+name] = withQuery(changed), withQuery(without)
	}
	all["without any signature"] = withQuery(nil)
	return all
}

// alter changes one character in the middle to another of its kind.
func alter(s string) string {
	if s == "" {
		return "1"
	}
	b := []byte(s)
	i := len(b) / 2
	if b[i] == '1' {
		b[i] = '2'
	} else {
		b[i] = '1'
	}
	return string(b)
}

// testRace sends many uploads to one key at once. Every store must let exactly one win if it says so.
func (s suite) testRace(t *testing.T) {
	p := storage.Policy{ContentType: "image/png", Size: int64(len(content))}
	for range s.opts.Rounds {
		key := s.key()
		g := s.grant(t, key, p)
		if !slices.Contains(g.Enforced, storage.EnforceWriteOnce) {
			t.Skip("the store does not enforce write-once")
		}
		if wins, last := s.race(t, g); wins != 1 {
			t.Fatalf("%d of %d concurrent uploads won, want 1", wins, s.opts.Writers)
		} else if got := s.read(t, key); !bytes.Equal(got, last) {
			t.Fatalf("stored %q, want the winner's %q", got, last)
		}
	}
}

// race returns how many uploads were accepted, and the content of one of those.
func (s suite) race(t *testing.T, g *storage.Grant) (wins int, won []byte) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range s.opts.Writers {
		body := bytes.Clone(content)
		body[0] = 'A' + byte(i%26)
		body[1] = 'A' + byte(i/26)
		r, err := g.NewRequest(t.Context(), bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			<-start
			resp, err := s.opts.Client.Do(r)
			if err != nil {
				t.Errorf("PUT: %v", withoutURL(err))
				return
			}
			resp.Body.Close()
			if accepted(resp.StatusCode) {
				mu.Lock()
				defer mu.Unlock()
				wins, won = wins+1, body
			}
		})
	}
	close(start)
	wg.Wait()
	return wins, won
}

func isError(err, want error) bool { return err != nil && errors.Is(err, want) }

// secretsOf are the signatures of a grant, by the parameter and field names of the known stores.
func secretsOf(g *storage.Grant) []string {
	var secrets []string
	if u, err := url.Parse(g.URL); err == nil {
		for _, name := range []string{"signature", "sig", "X-Amz-Signature", "X-Goog-Signature"} {
			if v := u.Query().Get(name); v != "" {
				secrets = append(secrets, v)
			}
		}
	}
	for _, name := range []string{"policy", "Policy", "x-amz-signature", "X-Amz-Signature", "x-goog-signature"} {
		if v := g.Fields[name]; v != "" {
			secrets = append(secrets, v)
		}
	}
	return secrets
}
