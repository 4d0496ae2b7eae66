package avatar

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

const scopeName = "github.com/cruddur/avatarkit/avatar"

// telemetry measures and traces the operations of a processor, with few attribute values: never a subject, a key or an id.
type telemetry struct {
	kind       string
	tracer     trace.Tracer
	operations metric.Int64Counter
	duration   metric.Float64Histogram
}

func newTelemetry(o Options, kind string) (telemetry, error) {
	meters, tracers := o.MeterProvider, o.TracerProvider
	if meters == nil {
		meters = metricnoop.NewMeterProvider()
	}
	if tracers == nil {
		tracers = tracenoop.NewTracerProvider()
	}
	meter := meters.Meter(scopeName)
	operations, err1 := meter.Int64Counter("avatar.operations", metric.WithDescription("Operations of the processor, by outcome and reason."))
	duration, err2 := meter.Float64Histogram("avatar.operation.duration", metric.WithUnit("s"), metric.WithDescription("How long operations of the processor took."))
	return telemetry{kind, tracers.Tracer(scopeName), operations, duration}, errors.Join(err1, err2)
}

// start begins the operation called name; end tells its outcome, which is "error" when err is not nil.
func (t telemetry) start(ctx context.Context, name string) (_ context.Context, end func(outcome string, reject *RejectError, err error)) {
	begin := time.Now()
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attribute.String("avatar.kind", t.kind)))
	return ctx, func(outcome string, reject *RejectError, err error) {
		defer span.End()
		if err != nil {
			outcome = "error"
			// The text of an error may hold a key, and so a subject: it goes to the caller only.
			span.SetStatus(codes.Error, "failed")
		}
		attrs := []attribute.KeyValue{
			attribute.String("avatar.kind", t.kind), attribute.String("avatar.operation", name), attribute.String("avatar.outcome", outcome),
		}
		if reject != nil {
			attrs = append(attrs, attribute.String("avatar.reason", string(reject.Reason)))
		}
		span.SetAttributes(attrs...)
		t.operations.Add(ctx, 1, metric.WithAttributes(attrs...))
		t.duration.Record(ctx, time.Since(begin).Seconds(), metric.WithAttributes(attrs...))
	}
}
