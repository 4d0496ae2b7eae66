package localstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"github.com/cruddur/avatarkit/storage"
)

// errKeyConflict means that a key is a folder for others, or lies below one that is a file.
var errKeyConflict = errors.New("the key is above or below another")

// sidecar is how fileblob names the file that holds an object's type and other attributes.
const sidecar = ".attrs"

// OpenDir returns a Store that receives into the folder, which is made if missing. The Store's bucket is a fileblob on
// it; close it after use. Beside the folder another is made, with ".staging" added to its name: uploads grow there, where
// no reader of the bucket finds them. Both must be on one file system that has hard links.
//
// Any number of Stores, also in several processes, may share the folder: one of several uploads to a key wins, and the
// attributes that are stored are the winner's.
func OpenDir(dir string, cfg Config) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("localstore: %w", err)
	}
	s := &dirSink{dir: abs, staging: abs + ".staging"}
	options := func() *fileblob.Options {
		return &fileblob.Options{CreateDir: true, NoTempDir: true, DirFileMode: 0o755}
	}
	bucket, err := fileblob.OpenBucket(s.dir, options())
	if err != nil {
		return nil, fmt.Errorf("localstore: %w", err)
	}
	if s.stage, err = fileblob.OpenBucket(s.staging, options()); err != nil {
		return nil, errors.Join(fmt.Errorf("localstore: %w", err), bucket.Close())
	}
	store, err := newStore(bucket, s, cfg)
	if err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	s.sweep(time.Now().Add(-2*store.cfg.Timeout - time.Hour))
	return store, nil
}

// dirSink stores in a folder. It lets fileblob write object and sidecar into the staging folder, so that their form is
// fileblob's own, and then moves both.
type dirSink struct {
	dir, staging string
	stage        *blob.Bucket
	mu           sync.Mutex // beside the file lock, which may not exist on this system
}

// checkKey refuses keys that fileblob cannot hold or would list under another name.
func (s *dirSink) checkKey(key string) error {
	for segment := range strings.SplitSeq(key, "/") {
		if strings.HasSuffix(segment, sidecar) || len(segment) > 255-len(sidecar) {
			return fmt.Errorf("%w: a segment ends in %q or has more than %d bytes, which a folder cannot hold", storage.ErrInvalidKey, sidecar, 255-len(sidecar))
		}
	}
	if strings.ContainsAny(key, `<>:|*`) {
		return fmt.Errorf("%w: it contains one of <>:|*, which a folder cannot hold everywhere", storage.ErrInvalidKey)
	}
	return nil
}

func (s *dirSink) put(ctx context.Context, t ticket, content io.Reader) error {
	name := rand.Text()
	staged := filepath.Join(s.staging, name)
	defer func() {
		_ = os.Remove(staged) // moved, or never to be
		_ = os.Remove(staged + sidecar)
	}()
	err := s.stage.Upload(ctx, name, content, &blob.WriterOptions{ContentType: t.policy.ContentType, CacheControl: t.policy.CacheControl})
	if err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	if err := errors.Join(syncPath(staged), syncPath(staged+sidecar)); err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	final := filepath.Join(s.dir, filepath.FromSlash(t.key))
	if err := s.commit(staged, final, t.policy.Overwrite); err != nil {
		return commitError(err)
	}
	return nil
}

// commit makes the staged object visible. Creating the link decides who wins, and does so atomically even without the
// lock; the lock keeps a loser's sidecar from replacing the winner's.
func (s *dirSink) commit(staged, final string, overwrite bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := lockFile(filepath.Join(s.staging, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return err
	}
	info, err := os.Lstat(final)
	switch {
	case err == nil && info.IsDir():
		return errKeyConflict
	case err == nil && !overwrite:
		return fs.ErrExist
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.Rename(staged+sidecar, final+sidecar); err != nil {
		return err
	}
	move := os.Link
	if overwrite {
		move = os.Rename
	}
	if err := move(staged, final); err != nil {
		return err
	}
	return s.syncFolders(filepath.Dir(final))
}

// syncFolders makes the new names durable, from the object's folder up to the one above the bucket.
func (s *dirSink) syncFolders(folder string) error {
	for ; len(folder) >= len(s.dir); folder = filepath.Dir(folder) {
		if err := syncPath(folder); err != nil {
			return err
		}
	}
	return syncPath(folder)
}

func commitError(err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return storage.ErrExists
	case errors.Is(err, errKeyConflict), errors.Is(err, syscall.ENOTDIR):
		return errKeyConflict
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", storage.ErrPermission, err)
	default:
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
}

// sweep removes what a crash left in the staging folder.
func (s *dirSink) sweep(before time.Time) {
	entries, _ := os.ReadDir(s.staging) // nothing depends on it
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.Name() != "lock" && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(s.staging, e.Name()))
		}
	}
}
