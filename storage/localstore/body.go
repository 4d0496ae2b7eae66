package localstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/cruddur/avatarkit/storage"
)

var (
	errIncomplete = errors.New("the connection ended before the announced length")
	errDigest     = errors.New("the content does not have the granted digest")
	errTimeout    = errors.New("the upload took too long")
)

// body reads an upload's content, and ends with io.EOF only if it was whole, in time, and what was granted. Otherwise
// it ends with the cause, and has cancelled the write before.
type body struct {
	r        io.Reader
	conn     *http.ResponseController
	left     int64
	sha256   string
	hash     hash.Hash
	deadline time.Time
	stall    time.Duration
	cancel   context.CancelFunc
	err      error
}

func newBody(w http.ResponseWriter, r *http.Request, p storage.Policy, deadline time.Time, stall time.Duration, cancel context.CancelFunc) *body {
	return &body{r: r.Body, conn: http.NewResponseController(w), left: r.ContentLength, sha256: p.SHA256, hash: sha256.New(),
		deadline: deadline, stall: stall, cancel: cancel}
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left == 0 {
		return 0, b.end()
	}
	now := time.Now()
	if !now.Before(b.deadline) {
		return 0, b.fail(errTimeout)
	}
	wait := now.Add(b.stall)
	if wait.After(b.deadline) {
		wait = b.deadline
	}
	_ = b.conn.SetReadDeadline(wait) // a test's recorder has no connection to bound
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.hash.Write(p[:n])
	b.left -= int64(n)
	switch {
	case b.left == 0 || err == nil:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, b.fail(errTimeout)
	default:
		return n, b.fail(errIncomplete)
	}
}

func (b *body) end() error {
	_ = b.conn.SetReadDeadline(time.Time{})
	if b.sha256 != "" && hex.EncodeToString(b.hash.Sum(nil)) != b.sha256 {
		return b.fail(errDigest)
	}
	return io.EOF
}

func (b *body) fail(err error) error {
	b.err = err
	b.cancel()
	return err
}
