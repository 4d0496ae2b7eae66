package avatar_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob/fileblob"

	"github.com/cruddur/avatarkit/avatar"
)

// newFiles is newWorld over one folder.
func newFiles(t *testing.T) (w *world, dir string) {
	t.Helper()
	dir = t.TempDir()
	files, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true})
	if err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, avatar.Options{})
	w.uploads.Close()
	w.assets.Close()
	w.uploads, w.assets = files, files
	w.Processor = w.with(*w.opts)
	return w, dir
}

// leave writes half a document as a killed process leaves it, and returns its path.
func leave(t *testing.T, dir, key string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(key)) + fmt.Sprintf(".%x.tmp", time.Now().UnixNano())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"half of`), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// leftBy is one left-over of each thing that a processor writes about one of alice's uploads.
func leftBy(t *testing.T, dir, id string) []string {
	t.Helper()
	var paths []string
	for _, key := range []string{
		"uploads/avatars/alice/" + id + ".jpg", "records/avatars/alice/" + id + ".json", "intents/avatars/alice/" + id + ".json",
		"attempts/avatars/alice/" + id + "/mark", "quarantine/avatars/alice/" + id + ".jpg",
		"avatars/alice/" + id + "/512.jpg", "avatars/alice/" + id + "/manifest.json", "avatars/alice.jpg",
	} {
		paths = append(paths, leave(t, dir, key))
	}
	return paths
}

// What a killed process has left is no document, keeps nobody from working, and goes when nobody can be writing it any more.
func TestSweepLeftovers(t *testing.T) {
	w, dir := newFiles(t)
	key, id := w.upload("alice", red)
	paths := append(leftBy(t, dir, id), leave(t, dir, "erased/avatars/0123456789abcdef0123456789abcdef.json"), leave(t, dir, "backfills/avatars/x.json"))
	foreign := leave(t, dir, "elsewhere/x")
	if got, err := w.Recover(t.Context()); err != nil || got.Scanned != 1 || got.Handled != 1 {
		t.Errorf("recovered %+v, %v", got, err)
	}
	w.process(key, avatar.OutcomeAlreadyPublished)
	w.sweep(avatar.Swept{})
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("it may still be written: %v", err)
		}
	}
	w.ahead = 25 * time.Hour
	w.sweep(avatar.Swept{Orphans: len(paths)})
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("left: %s", path)
		}
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("not ours: %v", err)
	}
	if got := w.current("alice"); got != id {
		t.Errorf("current = %q, want %q", got, id)
	}
}

// An unfinished version is as old as the youngest of its pictures: somebody may be at work on it.
func TestSweepYoungOrphan(t *testing.T) {
	w, dir := newFiles(t)
	_, id := w.grant("alice", "image/jpeg")
	old := time.Now().Add(-30 * time.Hour)
	for _, name := range []string{"128.jpg", "256.jpg", "512.jpg"} {
		key := "avatars/alice/" + id + "/" + name
		w.put(key, jpegOf(t, red))
		if name == "256.jpg" {
			continue
		}
		if err := os.Chtimes(filepath.Join(dir, filepath.FromSlash(key)), old, old); err != nil {
			t.Fatal(err)
		}
	}
	w.sweep(avatar.Swept{})
	w.ahead = 25 * time.Hour
	w.sweep(avatar.Swept{Orphans: 1})
}

func TestEraseLeftovers(t *testing.T) {
	w, dir := newFiles(t)
	key, id := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	paths := leftBy(t, dir, id)
	other := leave(t, dir, "avatars/alice-2.jpg")
	time.Sleep(2 * time.Millisecond)
	receipt, err := w.Erase(t.Context(), "alice")
	if err != nil || len(receipt.Uploads) != 2+5 || len(receipt.Assets) != 6+3 {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("left: %s", path)
		}
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("somebody else's: %v", err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, "alice") && path != other {
			t.Errorf("left: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A receipt is given only when a listing shows that nothing is left. Here is what the store lists and cannot delete: fileblob would write that name otherwise.
func TestEraseIsVerified(t *testing.T) {
	w, dir := newFiles(t)
	key, id := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	folder := filepath.Join(dir, "quarantine", "avatars", "alice")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	stubborn := filepath.Join(folder, id+"__0x5f__.png")
	if err := os.WriteFile(stubborn, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	if receipt, err := w.Erase(t.Context(), "alice"); err == nil || !receipt.VerifiedAt.IsZero() {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
	if err := os.Remove(stubborn); err != nil {
		t.Fatal(err)
	}
	if receipt, err := w.Erase(t.Context(), "alice"); err != nil || receipt.VerifiedAt.IsZero() {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
}
