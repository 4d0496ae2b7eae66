package migrate_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/cruddur/avatarkit/migrate"
)

// recorder keeps the names of the spans that ended, and whether they failed.
type recorder struct {
	embedded.TracerProvider
	mu    sync.Mutex
	ended []string
}

func (r *recorder) Tracer(string, ...trace.TracerOption) trace.Tracer { return tracer{r: r} }

type tracer struct {
	embedded.Tracer
	r *recorder
}

func (t tracer) Start(ctx context.Context, name string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	s := &span{Span: noop.Span{}, r: t.r, text: name}
	return trace.ContextWithSpan(ctx, s), s
}

type span struct {
	trace.Span
	r    *recorder
	text string
}

func (s *span) SetStatus(code codes.Code, text string) { s.text += " " + code.String() + ": " + text }
func (s *span) End(...trace.SpanEndOption) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.ended = append(s.r.ended, s.text)
}

// Logs, spans and progress tell what happens, and hold nothing of the rows.
func TestObservability(t *testing.T) {
	var logged bytes.Buffer
	spans := &recorder{}
	var progress []string
	m := migrator(t, memory(t), files(
		"20240101000000_a.sql", "-- migrate:up no-transaction\nCREATE TABLE a (name TEXT UNIQUE);\nINSERT INTO a VALUES ('s3cret');",
		"20240102000000_b.sql", "-- migrate:up\nINSERT INTO a VALUES ('s3cret');",
		"notes.txt", "",
	), &migrate.Options{
		Logger:         slog.New(slog.NewTextHandler(&logged, nil)),
		TracerProvider: spans,
		OnProgress: func(p migrate.Progress) {
			progress = append(progress, fmt.Sprintf("%s %d/%d", p.Step.Name, p.Done, p.Total))
		},
	})
	if _, err := m.Up(context.Background()); err == nil {
		t.Fatal("no error")
	}
	if want := []string{"migrate up 20240101000000_a", "migrate up 20240102000000_b Error: migration failed", "migrate up Error: migration failed"}; !slices.Equal(spans.ended, want) {
		t.Errorf("spans %q", spans.ended)
	}
	if want := []string{"a 0/0", "a 1/3", "a 2/3", "a 3/3", "b 0/0"}; !slices.Equal(progress, want) {
		t.Errorf("progress %q", progress)
	}
	for _, want := range []string{"notes.txt", "msg=migrated version=20240101000000", "msg=\"migration failed\" version=20240102000000"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, &logged)
		}
	}
	if strings.Contains(logged.String(), "s3cret") {
		t.Errorf("the log holds a value:\n%s", &logged)
	}
}
