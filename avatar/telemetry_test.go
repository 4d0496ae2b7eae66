package avatar_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/cruddur/avatarkit/avatar"
)

func TestTelemetry(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	reader := sdkmetric.NewManualReader()
	broken := errors.New("database of alice is away")
	fail := false
	w := newWorld(t, avatar.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
		OnPublished: func(context.Context, avatar.Published) error {
			if fail {
				return broken
			}
			return nil
		},
	})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	w.process(key, avatar.OutcomeAlreadyPublished)
	bad, _ := w.grant("alice", "image/png")
	w.put(bad, []byte("text"))
	w.process(bad, avatar.OutcomeRejected)
	fail = true
	key, _ = w.upload("alice", blue)
	if _, err := w.Process(t.Context(), key); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	fail = false
	if _, err := w.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Erase(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}

	var got []string
	for _, s := range spans.GetSpans() {
		got = append(got, s.Name+" "+s.Status.Code.String())
		noPerson(t, s.Name+s.Status.Description, s.Attributes)
		if len(s.Events) > 0 {
			t.Errorf("%s has events, whose text may hold a key: %v", s.Name, s.Events)
		}
	}
	want := []string{"avatar.Process Unset", "avatar.Process Unset", "avatar.Process Unset", "avatar.Process Error", "avatar.Process Unset", "avatar.Recover Unset", "avatar.Sweep Unset", "avatar.Erase Unset"}
	if !slices.Equal(got, want) {
		t.Errorf("spans %q, want %q", got, want)
	}
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	var durations uint64
	for _, m := range data.ScopeMetrics[0].Metrics {
		switch d := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range d.DataPoints {
				noPerson(t, m.Name, p.Attributes.ToSlice())
				counts[valueOf(p.Attributes, "avatar.operation", "avatar.outcome", "avatar.reason")] = p.Value
			}
		case metricdata.Histogram[float64]:
			if m.Unit != "s" {
				t.Errorf("%s is in %q", m.Name, m.Unit)
			}
			for _, p := range d.DataPoints {
				durations += p.Count
			}
		}
	}
	wantCounts := map[string]int64{
		"avatar.Process published ": 2, "avatar.Process already_published ": 1, "avatar.Process rejected unsupported_format": 1, "avatar.Process error ": 1,
		"avatar.Recover done ": 1, "avatar.Sweep done ": 1, "avatar.Erase erased ": 1,
	}
	if fmt.Sprint(counts) != fmt.Sprint(wantCounts) || durations != 8 {
		t.Errorf("counted %v and %d durations, want %v", counts, durations, wantCounts)
	}
}

func valueOf(set attribute.Set, keys ...attribute.Key) string {
	var values []string
	for _, key := range keys {
		v, _ := set.Value(key)
		values = append(values, v.AsString())
	}
	return strings.Join(values, " ")
}

// noPerson checks that nothing tells who it was about: not the subject, and no id.
func noPerson(t *testing.T, text string, attrs []attribute.KeyValue) {
	t.Helper()
	for _, a := range attrs {
		text += " " + a.Value.String()
	}
	if strings.Contains(text, "alice") || strings.Contains(text, "01") {
		t.Errorf("telemetry tells of a person: %q", text)
	}
}
