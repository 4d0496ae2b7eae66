package path_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image/color"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/storage"
)

const andrew, bayko = "0f9a8b7c-andrew", "1e2d3c4b-bayko"

var red, green = color.RGBA{200, 20, 20, 255}, color.RGBA{20, 180, 20, 255}

// TestPath is the path of an avatar, on each store.
func TestPath(t *testing.T) {
	for _, tt := range stores {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, tt.start, nil)
			first := publishes(t, s)
			second := supersedes(t, s, first)
			refuses(t, s, second)
			repeats(t, s, first, second)
			erases(t, s)
		})
	}
}

// publishes uploads a photo of known size and looks at everything that comes of it.
func publishes(t *testing.T, s *service) (id string) {
	t.Helper()
	data := photo(t, red)
	id = s.upload(t, andrew, data, int64(len(data)))
	status := s.outcome(t, andrew, id)
	if status.State != avatar.StateReady || status.Manifest == nil {
		t.Fatalf("status %+v", status)
	}
	want := []string{"avatars/" + andrew + ".jpg", "avatars/" + andrew + "/" + id + "/manifest.json"}
	for _, v := range status.Manifest.Variants {
		want = append(want, v.Key)
		object, err := s.assets.ReadAll(t.Context(), v.Key)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(object); hex.EncodeToString(sum[:]) != v.SHA256 || int64(len(object)) != v.Size {
			t.Errorf("%s: the manifest has another digest or size", v.Key)
		}
		checkPhoto(t, object, v.Width, red)
		attrs, err := s.assets.Attributes(t.Context(), v.Key)
		if err != nil || attrs.ContentType != "image/jpeg" || !strings.Contains(attrs.CacheControl, "immutable") {
			t.Errorf("%s: attributes %+v, %v", v.Key, attrs, err)
		}
	}
	slices.Sort(want)
	if got := list(t, s.assets, ""); !slices.Equal(got, want) || len(want) != 6 {
		t.Errorf("published %q, want %q", got, want)
	}
	serves(t, s, status.Manifest)
	return id
}

// serves asks for the version, for the stable path, and for who has no picture.
func serves(t *testing.T, s *service, m *avatar.Manifest) {
	t.Helper()
	tests := []struct {
		path, cache string
		status      int
	}{
		{"/" + m.Largest().Key, "public, max-age=31536000, immutable", 200},
		{"/avatars/" + andrew, "public, max-age=60", 200},
		{"/avatars/" + andrew + ".jpg", "public, max-age=60", 200},
		{"/avatars/" + bayko + ".jpg", "no-store", 404},
		{"/records/avatars/" + andrew + "/" + m.UploadID + ".json", "no-store", 404},
	}
	for _, tt := range tests {
		resp := s.get(t, tt.path)
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != tt.status || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %v", tt.path, resp.Status, resp.Header)
		}
		if got := resp.Header.Get("Cache-Control"); !strings.HasPrefix(got, tt.cache) {
			t.Errorf("%s: Cache-Control %q, want %q", tt.path, got, tt.cache)
		}
		if resp.StatusCode == 200 {
			checkPhoto(t, body, 512, red)
		}
	}
}

// supersedes uploads again, without telling the size: where the store knows forms this is one.
func supersedes(t *testing.T, s *service, first string) (id string) {
	t.Helper()
	id = s.upload(t, andrew, photo(t, green), 0)
	if s.formsUnheard {
		if found, err := s.processor.Recover(t.Context()); err != nil || found.Handled != 1 {
			t.Fatalf("recovered %+v, %v", found, err)
		}
	}
	if status := s.outcome(t, andrew, id); status.State != avatar.StateReady {
		t.Fatalf("status %+v", status)
	}
	current(t, s, id)
	if got := list(t, s.assets, first); len(got) != 5 {
		t.Errorf("of the first version %q is left: open pages still show it", got)
	}
	return id
}

// current expects the version, by the manifest, by the stable name in the bucket, and as served.
func current(t *testing.T, s *service, id string) {
	t.Helper()
	m, err := s.processor.Current(t.Context(), andrew)
	if err != nil || m.UploadID != id {
		t.Fatalf("current is %q, %v; want %q", m.UploadID, err, id)
	}
	alias, err := s.assets.ReadAll(t.Context(), "avatars/"+andrew+".jpg")
	if err != nil {
		t.Fatal(err)
	}
	checkPhoto(t, alias, 512, green)
	body, err := io.ReadAll(s.get(t, "/avatars/"+andrew).Body)
	if err != nil || !bytes.Equal(body, alias) {
		t.Errorf("the handler serves something else than the stable name: %v", err)
	}
}

// refuses uploads text that is named a picture.
func refuses(t *testing.T, s *service, before string) {
	t.Helper()
	text := []byte("this is no picture at all, only text")
	id := s.upload(t, andrew, text, int64(len(text)))
	status := s.outcome(t, andrew, id)
	if status.State != avatar.StateRejected || status.Reject == nil || status.Reject.Reason != avatar.ReasonUnsupportedFormat {
		t.Errorf("status %+v", status)
	}
	if got := list(t, s.assets, id); len(got) > 0 {
		t.Errorf("published %q of a refused upload", got)
	}
	current(t, s, before)
}

// repeats delivers the first upload's event once more, late.
func repeats(t *testing.T, s *service, first, second string) {
	t.Helper()
	before := list(t, s.assets, "")
	if err := s.handle(t.Context(), storage.ObjectCreated{Bucket: "uploads", Key: "uploads/avatars/" + andrew + "/" + first + ".jpg"}); err != nil {
		t.Errorf("a late duplicate: %v", err)
	}
	current(t, s, second)
	if after := list(t, s.assets, ""); !slices.Equal(before, after) {
		t.Errorf("a duplicate changed the bucket from %q to %q", before, after)
	}
}

// erases one of two people and looks for what is left.
func erases(t *testing.T, s *service) {
	t.Helper()
	data := photo(t, red)
	other := s.upload(t, bayko, data, int64(len(data)))
	if status := s.outcome(t, bayko, other); status.State != avatar.StateReady {
		t.Fatalf("status %+v", status)
	}
	kept := append(list(t, s.assets, bayko), list(t, s.uploads.Bucket(), bayko)...)
	receipt, err := s.processor.Erase(t.Context(), andrew)
	if err != nil {
		t.Fatal(err)
	}
	// Two versions of five objects and the stable name; three originals and three records.
	if len(receipt.Assets) != 11 || len(receipt.Uploads) < 6 || receipt.VerifiedAt.IsZero() {
		shown, _ := json.Marshal(receipt)
		t.Errorf("receipt %s", shown)
	}
	if left := append(list(t, s.assets, andrew), list(t, s.uploads.Bucket(), andrew)...); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if got := append(list(t, s.assets, bayko), list(t, s.uploads.Bucket(), bayko)...); !slices.Equal(got, kept) {
		t.Errorf("the other's objects are %q, were %q", got, kept)
	}
	if resp := s.get(t, "/avatars/"+andrew+".jpg"); resp.StatusCode != 404 {
		t.Errorf("erased: %s", resp.Status)
	}
	if resp := s.get(t, "/avatars/"+bayko+".jpg"); resp.StatusCode != 200 {
		t.Errorf("the other: %s", resp.Status)
	}
}
