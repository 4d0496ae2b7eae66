package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
	"github.com/cruddur/avatarkit/profile"
)

// service is what runs before the backfill: its buckets, its profiles, its people.
type service struct {
	t       *testing.T
	uploads *blob.Bucket
	assets  *blob.Bucket
	store   *profile.SQLStore
	p       *avatar.Processor
	flags   []string
}

func newService(t *testing.T, people int) *service {
	t.Helper()
	dir := t.TempDir()
	url := func(name string) string { return "file://" + filepath.Join(dir, name) + "?create_dir=1&no_tmp_dir=1" }
	open := func(url string) *blob.Bucket {
		b, err := blob.OpenBucket(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}
	s := &service{t: t, uploads: open(url("uploads")), assets: open(url("assets"))}
	path := filepath.Join(dir, "db")
	db, store, err := openProfiles("sqlite:" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s.store = store
	schema(t, db)
	pipeline, err := newPipeline(config{kind: "avatar"})
	if err != nil {
		t.Fatal(err)
	}
	s.p, err = avatar.NewProcessor(pipeline, s.uploads, s.assets, &avatar.Options{OnPublished: tell(store)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range people {
		subject := fmt.Sprintf("user-%03d", i)
		if _, err := store.Create(t.Context(), subject, fmt.Sprintf("user%03d", i), "User"); err != nil {
			t.Fatal(err)
		}
		s.upload(subject)
	}
	s.flags = []string{"-uploads", url("uploads"), "-assets", url("assets"), "-db", "sqlite:" + path, "-name", "test", "-sizes", "512,96,64"}
	return s
}

func schema(t *testing.T, db *sql.DB) {
	t.Helper()
	target, err := sqldb.New(db, sqldb.SQLite, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := migrate.New(target, profile.Migrations(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *service) upload(subject string) {
	s.t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 128, 128))
	for i := range m.Pix {
		m.Pix[i] = 0xff
	}
	m.Set(1, 1, color.Black)
	var data bytes.Buffer
	if err := png.Encode(&data, m); err != nil {
		s.t.Fatal(err)
	}
	key, _, err := s.p.NewUploadKey(subject, "image/png")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.uploads.WriteAll(s.t.Context(), key, data.Bytes(), nil); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.p.Process(s.t.Context(), key); err != nil {
		s.t.Fatal(err)
	}
}

// call runs the command with the service's flags, and more.
func (s *service) call(ctx context.Context, terminal bool, more ...string) (code int, out, log string) {
	s.t.Helper()
	var o, l bytes.Buffer
	code = run(ctx, append(s.flags[:len(s.flags):len(s.flags)], more...), func(string) string { return "" }, &o, &l, terminal)
	return code, o.String(), l.String()
}

func TestBackfillCommand(t *testing.T) {
	s := newService(t, 3)
	before, err := s.p.Current(t.Context(), "user-001")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		terminal bool
		more     []string
		out, log string
	}{
		{"plan", false, []string{"-plan"}, "3 of 3 pictures to make", ""},
		{"dry run", false, []string{"-dry-run"}, "3 made", "backfill: 3/3, 0 failed"},
		{"in a terminal", true, nil, "3 made, 0 overtaken by newer uploads, 0 had nothing to do, 0 failed", "\r\x1b[K[==============================] 3/3, 0 failed\n"},
		{"again, in a log", false, []string{"-workers", "1"}, "0 made, 0 overtaken by newer uploads, 3 had nothing to do", "backfill: 3/3, 0 failed, 0.0 KiB read, "},
	}
	for _, tt := range tests {
		code, out, log := s.call(t.Context(), tt.terminal, tt.more...)
		if code != done || !strings.Contains(out, tt.out) || !strings.Contains(log, tt.log) || strings.Contains(log, "\r") != tt.terminal {
			t.Errorf("%s: exit %d, out %q, log %q", tt.name, code, out, log)
		}
	}
	m, err := s.p.Current(t.Context(), "user-001")
	if err != nil || m.UploadID <= before.UploadID || len(m.Variants) != 3 {
		t.Fatalf("current %+v, %v", m, err)
	}
	row, err := s.store.BySubject(t.Context(), "user-001")
	if err != nil || row.Pictures["avatar"] != m.UploadID {
		t.Errorf("the profile shows %q (%v), not %q", row.Pictures["avatar"], err, m.UploadID)
	}
}

func TestFailuresAreListed(t *testing.T) {
	s := newService(t, 2)
	it := s.uploads.List(&blob.ListOptions{Prefix: "uploads/avatars/user-000/"})
	obj, err := it.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.uploads.Delete(t.Context(), obj.Key); err != nil {
		t.Fatal(err)
	}
	code, out, _ := s.call(t.Context(), false)
	if code != failures || !strings.Contains(out, "1 made") || !strings.Contains(out, "user-000\tavatar: the original is gone") {
		t.Errorf("exit %d, out %q", code, out)
	}
}

func TestInterrupted(t *testing.T) {
	s := newService(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, log := s.call(ctx, false); code != stopped || !strings.Contains(log, "goes on from here") {
		t.Errorf("exit %d, log %q", code, log)
	}
}

// A command that goes on counts what the interrupted one had done.
func TestResumedBar(t *testing.T) {
	var out bytes.Buffer
	b := &bar{out: &out, terminal: true, total: 60, begin: time.Unix(0, 0)}
	b.show(avatar.BackfillProgress{Report: avatar.BackfillReport{Resumed: 40, Subjects: 10}}, time.Unix(10, 0))
	b.end()
	if want := "\r\x1b[K[=========================     ] 50/60, 0 failed, 10s left\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestAdoptCommand(t *testing.T) {
	s := newService(t, 1)
	m, err := s.p.Current(t.Context(), "user-000")
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.assets.ReadAll(t.Context(), m.Largest().Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.assets.WriteAll(t.Context(), "avatars/old-friend.jpg", data, nil); err != nil {
		t.Fatal(err)
	}
	if code, out, log := s.call(t.Context(), false, "-adopt"); code != done || !strings.Contains(out, "1 made") {
		t.Errorf("exit %d, out %q, log %q", code, out, log)
	}
	if _, err := s.p.Current(t.Context(), "old-friend"); err != nil {
		t.Error(err)
	}
}

func TestWrongUse(t *testing.T) {
	tests := [][]string{
		{},
		{"-uploads", "mem://", "-assets", "file:///tmp"},
		{"-uploads", "x", "-assets", "file:///tmp", "-name", "x"},
		{"-uploads", "file:///tmp", "-assets", "file:///tmp", "-name", "x", "-sizes", "12,no"},
		{"-uploads", "file:///tmp", "-assets", "file:///tmp", "-name", "x", "-kind", "cat"},
		{"-uploads", "file:///tmp", "-assets", "file:///tmp", "-name", "x", "-workers", "0"},
		{"-uploads", "file:///tmp", "-assets", "file:///tmp", "-name", "x", "-db", "mysql://"},
		{"-uploads", "file:///tmp", "-assets", "file:///tmp", "-name", "x", "extra"},
		{"-unknown"},
	}
	for _, args := range tests {
		var out, log bytes.Buffer
		if code := run(t.Context(), args, func(string) string { return "" }, &out, &log, false); code != usage || log.Len() == 0 {
			t.Errorf("%v: exit %d, log %q", args, code, log.String())
		}
	}
}

func TestBarIsQuiet(t *testing.T) {
	var out bytes.Buffer
	b := &bar{out: &out, total: 1000, begin: time.Unix(0, 0)}
	for i := range 1000 {
		b.show(avatar.BackfillProgress{Report: avatar.BackfillReport{Subjects: i + 1, Bytes: int64(i) << 21}}, time.Unix(0, 0).Add(time.Duration(i)*100*time.Millisecond))
	}
	b.end()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 8 {
		t.Errorf("%d lines in 100 seconds: %q", len(lines), lines)
	}
	if want := "backfill: 1000/1000, 0 failed, 2.0 GiB read, 1m40s"; lines[len(lines)-1] != want {
		t.Errorf("last line %q, want %q", lines[len(lines)-1], want)
	}
	if want := "backfill: 151/1000, 0 failed, 300.0 MiB read, 15s, 1m24s left"; lines[1] != want {
		t.Errorf("second line %q, want %q", lines[1], want)
	}
}
