package storage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/storage"
)

const hidden = "hidden-signature"

func aGrant(method string) storage.Grant {
	g := storage.Grant{
		Method: method, URL: "https://uploads.example.com/a/b.png?sig=" + hidden, Key: "a/b.png", UploadID: "id-1",
		Expires: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), MaxBytes: 5, Enforced: []string{storage.EnforceExpiry, storage.EnforceType},
	}
	if method == http.MethodPost {
		g.Fields = map[string]string{"policy": hidden, "Content-Type": "image/png", "key": "a/b.png"}
	} else {
		g.Header = http.Header{"Content-Type": {"image/png"}, "X-Amz-Security-Token": {hidden}}
	}
	return g
}

func TestGrantJSON(t *testing.T) {
	tests := []struct {
		method, want string
	}{
		{http.MethodPut, `{"method":"PUT","url":"https://uploads.example.com/a/b.png?sig=hidden-signature",` +
			`"headers":{"Content-Type":"image/png","X-Amz-Security-Token":"hidden-signature"},"fields":{},"key":"a/b.png",` +
			`"upload_id":"id-1","expires":"2026-03-01T12:00:00Z","max_bytes":5,"enforced":["expiry","content_type"]}`},
		{http.MethodPost, `{"method":"POST","url":"https://uploads.example.com/a/b.png?sig=hidden-signature","headers":{},` +
			`"fields":{"Content-Type":"image/png","key":"a/b.png","policy":"hidden-signature"},"key":"a/b.png","upload_id":"id-1",` +
			`"expires":"2026-03-01T12:00:00Z","max_bytes":5,"enforced":["expiry","content_type"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.method, func(t *testing.T) {
			g := aGrant(tt.method)
			got, err := json.Marshal(&g)
			if err != nil || string(got) != tt.want {
				t.Fatalf("got %s, %v\nwant %s", got, err, tt.want)
			}
			var back storage.Grant
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatal(err)
			}
			if g.Header == nil {
				g.Header = http.Header{}
			}
			if !reflect.DeepEqual(back, g) {
				t.Error("what was written is not read back")
			}
		})
	}
	if got, err := json.Marshal(storage.Grant{}); err != nil || !strings.Contains(string(got), `"headers":{},"fields":{}`) || !strings.Contains(string(got), `"enforced":[]`) {
		t.Errorf("the zero grant is %s, %v; want objects and a list, never null", got, err)
	}
	if err := json.Unmarshal([]byte(`{"url":7}`), new(storage.Grant)); err == nil {
		t.Error("a number was read as the URL")
	}
}

// TestGrantShowsNoSecret tries every way in which a grant comes into a log by mistake.
func TestGrantShowsNoSecret(t *testing.T) {
	for _, method := range []string{http.MethodPut, http.MethodPost} {
		g := aGrant(method)
		var shown bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%T %v"} {
			fmt.Fprintf(&shown, verb+"\n", g)
			fmt.Fprintf(&shown, verb+"\n", &g)
			fmt.Fprintf(&shown, verb+"\n", []storage.Grant{g})
			fmt.Fprintf(&shown, verb+"\n", struct{ Grant storage.Grant }{g})
		}
		fmt.Fprintln(&shown, g, &g, fmt.Errorf("with %v", g))
		for _, handler := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
			slog.New(handler).Info("granted", "grant", g, "pointer", &g, slog.Group("in", "grant", g))
		}
		for _, secret := range []string{hidden, "sig=", fmt.Sprintf("%x", hidden)} {
			if strings.Contains(shown.String(), secret) {
				t.Errorf("%s shows its secrets:\n%s", method, &shown)
			}
		}
		if !strings.Contains(shown.String(), "a/b.png") || !strings.Contains(shown.String(), "id-1") {
			t.Errorf("%s does not say which upload it is for:\n%s", method, &shown)
		}
	}
}

func TestGrantNewRequest(t *testing.T) {
	put, post := aGrant(http.MethodPut), aGrant(http.MethodPost)
	r, err := put.NewRequest(t.Context(), strings.NewReader("hello"), 5)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(r.Body); string(body) != "hello" || r.ContentLength != 5 || r.Header.Get("Content-Type") != "image/png" {
		t.Errorf("PUT sends %q, length %d, headers %d", body, r.ContentLength, len(r.Header))
	}
	r.Header.Set("Content-Type", "text/html")
	if put.Header.Get("Content-Type") != "image/png" {
		t.Error("changing the request changed the grant")
	}

	r, err = post.NewRequest(t.Context(), strings.NewReader("hello"), 5)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.ContentLength != int64(len(body)) {
		t.Errorf("POST announces %d bytes and sends %d: %v", r.ContentLength, len(body), err)
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	var names []string
	for part, err := form.NextPart(); err == nil; part, err = form.NextPart() {
		names = append(names, part.FormName())
	}
	if got := strings.Join(names, " "); got != "Content-Type key policy file" {
		t.Errorf("fields %q, want the file at the end", got)
	}

	bad := storage.Grant{Method: "PUT", URL: "https://example.com/\x7f?sig=" + hidden}
	if _, err := bad.NewRequest(t.Context(), nil, 0); err == nil || strings.Contains(err.Error(), hidden) {
		t.Errorf("error %v, want one without the URL", err)
	}
}

// FuzzGrantJSON: nothing panics, and what is read is written the same again.
func FuzzGrantJSON(f *testing.F) {
	for _, method := range []string{http.MethodPut, http.MethodPost} {
		seed, err := json.Marshal(aGrant(method))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var g storage.Grant
		if json.Unmarshal(data, &g) != nil {
			return
		}
		first, err := json.Marshal(g)
		if err != nil {
			t.Skip("a time that JSON cannot hold")
		}
		var again storage.Grant
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatalf("%s is not read back: %v", first, err)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(first, second) {
			t.Errorf("written as %s, then as %s: %v", first, second, err)
		}
		_, _ = g.NewRequest(t.Context(), strings.NewReader("x"), 1)
	})
}

func ExampleGrant_NewRequest() {
	grant := storage.Grant{Method: "PUT", URL: "https://uploads.example.com/u1/1.png?sig=secret", Header: http.Header{"Content-Type": {"image/png"}}}
	request, err := grant.NewRequest(context.Background(), strings.NewReader("hello"), 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(request.Method, request.URL.Path, request.Header.Get("Content-Type"), request.ContentLength)
	// Output: PUT /u1/1.png image/png 5
}
