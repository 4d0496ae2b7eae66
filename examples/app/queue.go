package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Queue runs a job for each key with a bounded number of workers. It holds nothing that must survive: what is lost in a crash,
// or did not fit, Recover finds again in the bucket.
type Queue struct {
	// Process handles one key; it must be idempotent. Required.
	Process func(ctx context.Context, key string) error
	// Recover handles every upload that has no outcome yet. It runs at the start of Run and every Every. Required.
	Recover func(ctx context.Context) error
	// Every is the time between two recoveries; 0 means one minute.
	Every time.Duration
	// Workers is the number of uploads that are worked on at once; 0 means 2.
	Workers int
	// Grace is how long the workers may go on with what is queued after Run's context has ended; 0 means 5 seconds.
	Grace time.Duration
	// Logger is told of failures; nil means silence.
	Logger *slog.Logger

	mu     sync.Mutex
	closed bool
	known  map[string]bool // queued or being worked on
	keys   chan string
}

func (q *Queue) init() {
	if q.keys == nil {
		q.keys, q.known = make(chan string, 1024), map[string]bool{}
	}
}

// Add queues a key, unless it is there already, and never waits: the uploader's request does not hang on the pipeline. When the
// queue is full or closed, the key is left to the next recovery.
func (q *Queue) Add(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.init()
	if q.closed || q.known[key] {
		return
	}
	select {
	case q.keys <- key:
		q.known[key] = true
	default:
	}
}

// close refuses further keys; the workers end when they have emptied the queue.
func (q *Queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.keys)
	}
}

func (q *Queue) done(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.known, key)
}

// Run works until the context ends, then finishes what is queued as far as Grace allows, and returns when the last worker has
// stopped. Call it once.
func (q *Queue) Run(ctx context.Context) {
	q.mu.Lock()
	q.init()
	q.mu.Unlock()
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var workers sync.WaitGroup
	for range cmp.Or(q.Workers, 2) {
		workers.Go(func() { q.work(working) })
	}
	tick := time.NewTicker(cmp.Or(q.Every, time.Minute))
	defer tick.Stop()
	for ctx.Err() == nil {
		q.report(ctx, "recovery failed: it is tried again later", q.Recover(ctx))
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	q.close()
	grace := time.AfterFunc(cmp.Or(q.Grace, 5*time.Second), stop)
	defer grace.Stop()
	workers.Wait()
}

func (q *Queue) work(ctx context.Context) {
	for key := range q.keys {
		if ctx.Err() != nil {
			return
		}
		q.report(ctx, "upload was not processed: it is tried again later", q.Process(ctx, key))
		q.done(key)
	}
}

func (q *Queue) report(ctx context.Context, msg string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && q.Logger != nil {
		q.Logger.ErrorContext(ctx, msg, "error", err)
	}
}
