package app

import (
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
	// Logger is told of failures; nil means silence.
	Logger *slog.Logger

	once sync.Once
	keys chan string
}

func (q *Queue) init() { q.once.Do(func() { q.keys = make(chan string, 1024) }) }

// Add queues a key and never waits: the uploader's request does not hang on the pipeline. When the queue is full, the key
// is left to the next recovery.
func (q *Queue) Add(key string) {
	q.init()
	select {
	case q.keys <- key:
	default:
	}
}

// Run works until the context ends, and returns when the last worker has stopped.
func (q *Queue) Run(ctx context.Context) {
	q.init()
	every, workers, log := q.Every, q.Workers, q.Logger
	if every == 0 {
		every = time.Minute
	}
	if workers == 0 {
		workers = 2
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	report := func(msg string, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			log.ErrorContext(ctx, msg, "error", err)
		}
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case key := <-q.keys:
					report("upload was not processed: it is tried again later", q.Process(ctx, key))
				}
			}
		})
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		report("recovery failed: it is tried again later", q.Recover(ctx))
		select {
		case <-ctx.Done():
			wg.Wait()
			return
		case <-tick.C:
		}
	}
}
