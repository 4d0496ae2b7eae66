package local_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/auth/authtest"
	"github.com/cruddur/avatarkit/internal/e2e/postgres"
	"github.com/cruddur/avatarkit/internal/e2e/servers"
)

// TestGrantRequests has the seed's second regression case, what a client may ask for.
func TestGrantRequests(t *testing.T) {
	s := start(t)
	bearer := "Bearer " + signIn(t, s, "andrew").token
	tests := []struct {
		name, body string
		status     int
		code       string // or, for 200, how the key ends
	}{
		{"type and size", `{"content_type":"image/webp","size":10}`, 200, ".webp"},
		{"banner", `{"kind":"banner","content_type":"image/png","size":10}`, 200, ".png"},
		{"unknown kind", `{"kind":"x","content_type":"image/png","size":10}`, 404, "not_found"},
		{"SVG", `{"content_type":"image/svg+xml","size":10}`, 415, "unsupported_type"},
		{"too large", `{"content_type":"image/jpeg","size":1073741824}`, 413, "too_large"},
		{"no size", `{"content_type":"image/jpeg","size":0}`, 400, "malformed"},
		{"negative size", `{"content_type":"image/jpeg","size":-1}`, 400, "malformed"},
		{"size of text", `{"content_type":"image/jpeg","size":"1"}`, 400, "malformed"},
		{"digest too short", `{"content_type":"image/jpeg","size":1,"sha256":"ab"}`, 400, "malformed"},
		{"not JSON", `extension=jpg`, 400, "malformed"},
		{"array", `[]`, 400, "malformed"},
		{"no body", ``, 400, "malformed"},
		{"nothing", `{}`, 415, "unsupported_type"},
		{"seed: jpg", `{"extension":"jpg"}`, 200, ".jpg"},
		{"seed: png", `{"extension":"png"}`, 200, ".png"},
		{"seed: PNG", `{"extension":"PNG"}`, 200, ".png"},
		{"seed: empty", `{"extension":""}`, 415, "unsupported_type"},
		{"seed: another user's path", `{"extension":"x/victim.png"}`, 415, "unsupported_type"},
		{"seed: dots", `{"extension":"../x"}`, 415, "unsupported_type"},
		{"seed: space", `{"extension":"a b"}`, 415, "unsupported_type"},
		{"seed: escaped dots", `{"extension":"%2e%2e"}`, 415, "unsupported_type"},
		{"seed: 10 kB", `{"extension":"` + strings.Repeat("x", 10_000) + `"}`, 415, "unsupported_type"},
		{"seed: number", `{"extension":7}`, 400, "malformed"},
		{"seed: null", `{"extension":null}`, 415, "unsupported_type"},
		{"seed: object", `{"extension":{}}`, 400, "malformed"},
		{"seed: tar.gz", `{"extension":"tar.gz"}`, 415, "unsupported_type"},
		{"seed: no dot", `{"extension":"photo"}`, 415, "unsupported_type"},
	}
	subject := authtest.Subject("andrew")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, body := request(t, "POST", s.url+"/avatars/key_upload", bearer, tt.body, nil)
			want := `"code":"` + tt.code + `"`
			if tt.status == 200 {
				want = tt.code + `","upload_id":"`
			}
			if res.StatusCode != tt.status || !strings.Contains(body, want) {
				t.Errorf("status %d, want %d with %s: %s", res.StatusCode, tt.status, want, body)
			}
			if tt.status == 200 && !strings.Contains(body, `s/`+subject+`/`) {
				t.Errorf("the key is not the caller's own: %s", body)
			}
		})
	}
	t.Run("too many", func(t *testing.T) {
		for range 70 {
			res, body := request(t, "POST", s.url+"/avatars/key_upload", bearer, `{"extension":"jpg"}`, nil)
			if res.StatusCode == 429 {
				if res.Header.Get("Retry-After") == "" || !strings.Contains(body, `"code":"rate_limited"`) {
					t.Errorf("%v %s", res.Header, body)
				}
				return
			}
		}
		t.Error("70 grants in a row were given")
	})
}

func TestExpiredGrant(t *testing.T) {
	s := start(t, "-grant-lifetime", "1s")
	p := signIn(t, s, "andrew")
	data := smallPhoto(t)
	g := p.grant("image/jpeg", len(data))
	time.Sleep(2100 * time.Millisecond)
	if status, code := g.send(t, data, nil); status != 403 || code != "expired" {
		t.Errorf("status %d %q", status, code)
	}
	if got := p.outcome(g.UploadID, 0); got.State != "expired" {
		t.Errorf("state %q", got.State)
	}
}

// TestPictures reads the stable address before, between and after pictures.
func TestPictures(t *testing.T) {
	s := start(t)
	p := signIn(t, s, "andrew")
	stable := s.url + "/avatars/" + authtest.Subject("andrew")
	get := func(url, ifNoneMatch string) (*http.Response, string) {
		return request(t, "GET", url, "", "", func(r *http.Request) {
			if ifNoneMatch != "" {
				r.Header.Set("If-None-Match", ifNoneMatch)
			}
		})
	}
	initials, first := get(stable, "")
	if m, err := jpeg.Decode(strings.NewReader(first)); err != nil || m.Bounds().Size() != image.Pt(512, 512) {
		t.Fatalf("the default picture: %v", err)
	}
	if same, _ := get(stable+".jpg", initials.Header.Get("ETag")); same.StatusCode != 304 {
		t.Errorf("the default picture with its ETag: status %d", same.StatusCode)
	}
	if res, _ := get(stable+"?size=64", ""); res.StatusCode != 200 {
		t.Errorf("a small default picture: status %d", res.StatusCode)
	}
	if other, body := get(s.url+"/avatars/"+authtest.Subject("nobody")+".jpg", ""); other.StatusCode != 200 || body == first {
		t.Errorf("a person who is not there: status %d", other.StatusCode)
	}

	data := sideways(t, 800, 600)
	g := p.grant("image/jpeg", len(data))
	if got := p.outcome(g.UploadID, 0); got.State != "issued" {
		t.Errorf("state %q before the upload", got.State)
	}
	if status, code := g.send(t, data, nil); status != 201 {
		t.Fatalf("status %d %s", status, code)
	}
	if got := p.outcome(g.UploadID, 20*time.Second); got.State != "ready" {
		t.Fatalf("state %+v", got)
	}
	own := fetch(t, s.url+p.avatarURL())
	res, body := get(stable+".jpg", initials.Header.Get("ETag"))
	if res.StatusCode != 200 || body != string(own) || !strings.Contains(res.Header.Get("Cache-Control"), "max-age=60") {
		t.Errorf("the stable address: status %d, %d bytes, %v", res.StatusCode, len(body), res.Header)
	}
	if res, _ := get(stable, res.Header.Get("ETag")); res.StatusCode != 304 {
		t.Errorf("with its ETag: status %d", res.StatusCode)
	}
	for _, hidden := range []string{"/manifest.json", ""} {
		if res, _ := get(stable+"/"+g.UploadID+hidden, ""); res.StatusCode != 404 {
			t.Errorf("%s: status %d", hidden, res.StatusCode)
		}
	}

	var receipt map[string]any
	p.json("DELETE", "/api/avatar", nil, 200, &receipt)
	if len(receipt) == 0 || p.avatarURL() != "" {
		t.Errorf("receipt %v, avatar %q", receipt, p.avatarURL())
	}
	if res, body := get(stable, ""); res.StatusCode != 200 || body != first {
		t.Errorf("after erasing: status %d, %d bytes", res.StatusCode, len(body))
	}
	if status, _ := g.send(t, data, nil); status != 201 && status != 409 {
		t.Errorf("sent again: status %d", status)
	}
	time.Sleep(200 * time.Millisecond) // an erased upload would come back by now
	if got := p.avatarURL(); got != "" {
		t.Errorf("what was erased is back: %s", got)
	}
}

func TestPostgreSQL(t *testing.T) {
	s := start(t, "-db", postgres.Start(t))
	p := signIn(t, s, "andrew")
	p.publish(smallPhoto(t))
	p.json("GET", "/readyz", nil, 200, nil)
}

// TestS3 uploads straight to S3 servers that tell nobody: the client's own question brings the picture about.
func TestS3(t *testing.T) {
	tests := []struct {
		name  string
		start func(t *testing.T) *servers.S3
	}{
		{"versitygw", func(t *testing.T) *servers.S3 { return servers.Versitygw(t) }},
		{"minio", func(t *testing.T) *servers.S3 { return servers.MinIO(t) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := tt.start(t)
			store.MakeBucket(t, "incoming")
			store.MakeBucket(t, "published")
			query := "?region=" + servers.Region + "&use_path_style=true&endpoint=" + store.Endpoint
			bin, err := buildCloud()
			if err != nil {
				t.Fatal(err)
			}
			s := run(t, bin, []string{"AWS_ACCESS_KEY_ID=" + servers.AccessKey, "AWS_SECRET_ACCESS_KEY=" + servers.SecretKey},
				"-uploads", "s3://incoming"+query, "-assets", "s3://published"+query)
			p := signIn(t, s, "andrew")
			g := p.publish(smallPhoto(t))
			if !strings.HasPrefix(g.URL, store.Endpoint) {
				t.Errorf("the upload did not go straight to the store")
			}
			page, _ := request(t, "GET", s.url+"/", "", "", nil)
			if got := page.Header.Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self' "+store.Endpoint) {
				t.Errorf("the page may not send to the store: %s", got)
			}
		})
	}
}

// publish uploads the data and checks that it becomes the avatar.
func (p *person) publish(data []byte) grant {
	p.t.Helper()
	g := p.grant("image/jpeg", len(data))
	if status, code := g.send(p.t, data, nil); status != 200 && status != 201 {
		p.t.Fatalf("upload: status %d %s", status, code)
	}
	if got := p.outcome(g.UploadID, 20*time.Second); got.State != "ready" {
		p.t.Fatalf("%+v", got)
	}
	if m, err := jpeg.Decode(bytes.NewReader(fetch(p.t, p.url+p.avatarURL()))); err != nil || m.Bounds().Size() != image.Pt(512, 512) {
		p.t.Fatalf("the picture does not decode to 512x512: %v", err)
	}
	return g
}

// bomb is a PNG of one colour: small in bytes, large in pixels.
func bomb(width, height uint32) []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		_ = binary.Write(&b, binary.BigEndian, uint32(len(data))) // a Buffer takes all
		body := append([]byte(kind), data...)
		b.Write(body)
		_ = binary.Write(&b, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	header := binary.BigEndian.AppendUint32(nil, width)
	header = binary.BigEndian.AppendUint32(header, height)
	chunk("IHDR", append(header, 1, 0, 0, 0, 0))
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	row := make([]byte, width/8+1)
	for range height {
		_, _ = w.Write(row) // a Buffer takes all
	}
	_ = w.Close()
	chunk("IDAT", z.Bytes())
	chunk("IEND", nil)
	return b.Bytes()
}
