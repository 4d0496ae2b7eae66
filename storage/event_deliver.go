package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// outcome is what became of one record; it is the attribute of the counter.
type outcome string

const (
	outcomeHandled       outcome = "handled"
	outcomeFailed        outcome = "failed"         // to be sent again
	outcomePermanent     outcome = "permanent"      // the handler said ErrPermanent
	outcomeMalformed     outcome = "malformed"      // could not be read
	outcomeForeignBucket outcome = "foreign_bucket" // not in Filter.Buckets
	outcomeForeignKey    outcome = "foreign_key"    // not in Filter.Prefixes, or not a valid key
	outcomeOwnOutput     outcome = "own_output"     // in Filter.Output
	outcomeDuplicate     outcome = "duplicate"      // the same record twice in one message
)

// deliverer hands events to the application, one by one in the order of the message.
type deliverer struct {
	handle  func(context.Context, ObjectCreated) error
	filter  Filter
	log     *slog.Logger
	counter metric.Int64Counter
}

func newDeliverer(handle func(context.Context, ObjectCreated) error, f Filter, log *slog.Logger, mp metric.MeterProvider) (*deliverer, error) {
	faults := []error{f.check()}
	if handle == nil {
		faults = append(faults, errors.New("no handler: set Handle"))
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if mp == nil {
		mp = otel.GetMeterProvider()
	}
	counter, err := mp.Meter("github.com/cruddur/avatarkit/storage").Int64Counter("avatarkit.storage.events",
		metric.WithDescription("Records of storage notifications by what became of them."), metric.WithUnit("{record}"))
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return &deliverer{handle: handle, filter: f.clone(), log: log, counter: counter}, nil
}

// tally counts the records of one message by outcome.
type tally map[outcome]int

// deliver handles the events of one message. Each record is handled whatever became of those before it; the error joins
// those that ask for the message to be sent again, which repeats all of its records.
func (d *deliverer) deliver(ctx context.Context, events []ObjectCreated, malformed error) (tally, error) {
	t := make(tally)
	d.malformed(ctx, t, malformed)
	seen := make(map[ObjectCreated]bool, len(events))
	var retry []error
	for _, e := range events {
		o, err := d.one(ctx, e, seen[e])
		seen[e] = true
		t[o]++
		d.record(ctx, o, e, err)
		if o == outcomeFailed {
			retry = append(retry, err)
		}
	}
	return t, errors.Join(retry...)
}

func (d *deliverer) one(ctx context.Context, e ObjectCreated, again bool) (outcome, error) {
	if o := d.filter.judge(e); o != outcomeHandled {
		return o, nil
	}
	if again {
		return outcomeDuplicate, nil
	}
	err := d.handle(ctx, e)
	switch {
	case err == nil:
		return outcomeHandled, nil
	case errors.Is(err, ErrPermanent):
		return outcomePermanent, err
	}
	return outcomeFailed, fmt.Errorf("handle event: %w", err)
}

// malformed counts and logs what could not be read.
func (d *deliverer) malformed(ctx context.Context, t tally, err error) {
	if err == nil {
		return
	}
	n := 1
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		n = len(joined.Unwrap())
	}
	t[outcomeMalformed] += n
	d.counter.Add(ctx, int64(n), metric.WithAttributes(attribute.String("outcome", string(outcomeMalformed))))
	d.log.WarnContext(ctx, "storage event dropped", "outcome", outcomeMalformed, "records", n, "error", err)
}

func (d *deliverer) record(ctx context.Context, o outcome, e ObjectCreated, err error) {
	d.counter.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", string(o))))
	level, message := slog.LevelInfo, "storage event dropped"
	switch o {
	case outcomeHandled, outcomeDuplicate:
		level, message = slog.LevelDebug, "storage event"
	case outcomeFailed:
		level, message = slog.LevelWarn, "storage event failed; it will be sent again"
	case outcomePermanent, outcomeOwnOutput:
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("outcome", string(o)), slog.String("bucket", e.Bucket), slog.String("key", e.Key)}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	d.log.LogAttrs(ctx, level, message, attrs...)
}
