package avatar_test

import (
	"bytes"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/avatar"
)

func TestManyFiles(t *testing.T) {
	files, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		t.Fatal(err)
	}
	testMany(t, files)
}

func TestManyObjects(t *testing.T) { testMany(t, memblob.OpenBucket(nil)) }

// testMany has more originals than a page of a listing, of subjects whose folders sort otherwise than their keys.
func testMany(t *testing.T, uploads *blob.Bucket) {
	w := newWorld(t, avatar.Options{})
	w.uploads.Close()
	w.uploads = uploads
	w.Processor = w.with(*w.opts)
	const each = 350
	for range each {
		for _, subject := range []string{"a", "a-b", "a_"} {
			key, _ := w.grant(subject, "image/jpeg")
			w.put(key, []byte("no picture"))
		}
	}
	got, err := w.Recover(t.Context())
	if err != nil || got.Scanned != 3*each || got.Handled != 3*each {
		t.Fatalf("first: %+v, %v", got, err)
	}
	if got, err = w.Recover(t.Context()); err != nil || got.Scanned != 3*each || got.Handled != 0 {
		t.Fatalf("second: %+v, %v", got, err)
	}
}

// TestStableNameAfterCrashOnFiles leaves the stable name as a killed process may: fileblob rewrites its attributes, in place, before its content.
func TestStableNameAfterCrashOnFiles(t *testing.T) {
	tests := []struct {
		name  string
		crash func(attributes []byte, older, newer string) []byte
	}{
		{"attributes cut short", func([]byte, string, string) []byte { return nil }},
		{"attributes of the newer, content of the older", func(a []byte, older, newer string) []byte {
			return bytes.ReplaceAll(a, []byte(older), []byte(newer))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			files, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true})
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, avatar.Options{})
			w.assets.Close()
			w.assets = files
			w.Processor = w.with(*w.opts)
			first, older := w.upload("ada", color.White)
			w.process(first, avatar.OutcomePublished)
			second, newer := w.grant("ada", "image/jpeg")
			striped := picture(color.White)
			for y := range 64 {
				striped.Set(y, y, color.Black)
			}
			w.put(second, encodeJPEG(t, striped))

			sidecar := filepath.Join(dir, "avatars", "ada.jpg.attrs")
			attributes, err := os.ReadFile(sidecar)
			if err != nil || !strings.Contains(string(attributes), older) {
				t.Fatalf("attributes %q, %v", attributes, err)
			}
			if err := os.WriteFile(sidecar, tt.crash(attributes, older, newer), 0o600); err != nil {
				t.Fatal(err)
			}
			res := w.process(second, avatar.OutcomePublished)
			want, err := w.assets.ReadAll(t.Context(), res.Manifest.Largest().Key)
			if err != nil {
				t.Fatal(err)
			}
			got, err := w.assets.ReadAll(t.Context(), "avatars/ada.jpg")
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("the stable name has %d bytes (%v), the current picture %d", len(got), err, len(want))
			}
		})
	}
}
