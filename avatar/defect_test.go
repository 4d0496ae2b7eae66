package avatar_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cruddur/avatarkit/avatar"
)

// panicking stands for a codec with a bug.
type panicking struct{ avatar.PNG }

func (panicking) Encode(io.Writer, image.Image) error { panic("index out of range") }

func (panicking) Format() string { return "heic" }

func (panicking) Header([]byte) (avatar.Header, error) {
	return avatar.Header{Width: 9, Height: 9, PixelBytes: 4}, nil
}

func (panicking) Decode(context.Context, []byte) (image.Image, error) { panic("index out of range") }

// TestDefect has codecs that panic: the source is refused, the panic logged with its stack and counted, and the budget given back, or the later calls would wait for ever.
func TestDefect(t *testing.T) {
	heic := []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
	tests := []struct {
		name string
		cfg  avatar.Config
		data []byte
	}{
		{"encoder", avatar.Config{Encoder: panicking{}}, encodePNG(t, quarters(9, 9))},
		{"decoder", avatar.Config{Decoders: []avatar.Decoder{panicking{}}}, heic},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			reader := metric.NewManualReader()
			tt.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			tt.cfg.MeterProvider = metric.NewMeterProvider(metric.WithReader(reader))
			tt.cfg.MaxMemory, tt.cfg.MaxBytes = 8<<20, 1<<20
			p := newPipeline(t, tt.cfg)
			const calls = 5
			for range calls {
				_, err := p.Render(t.Context(), bytes.NewReader(tt.data))
				var reject *avatar.RejectError
				if !errors.Is(err, avatar.ErrDefect) || !errors.As(err, &reject) || reject.Reason != avatar.ReasonCorrupt {
					t.Fatalf("got %v", err)
				}
			}
			if got := strings.Count(log.String(), "index out of range"); got < calls || !strings.Contains(log.String(), "defect_test.go") {
				t.Errorf("the log tells of it %d times: %s", got, log.String())
			}
			var all metricdata.ResourceMetrics
			if err := reader.Collect(t.Context(), &all); err != nil {
				t.Fatal(err)
			}
			if got := counted(all, "avatar.renders", "defect"); got != calls {
				t.Errorf("%d defects were counted, want %d", got, calls)
			}
		})
	}
}

// counted returns the sum of a counter's points whose outcome is the given one.
func counted(all metricdata.ResourceMetrics, name, outcome string) (sum int64) {
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			data, ok := m.Data.(metricdata.Sum[int64])
			if m.Name != name || !ok {
				continue
			}
			for _, point := range data.DataPoints {
				if v, _ := point.Attributes.Value("outcome"); v.AsString() == outcome {
					sum += point.Value
				}
			}
		}
	}
	return sum
}

// oversized is a decoder whose picture is larger than its header said.
type oversized struct{ panicking }

func (oversized) Decode(context.Context, []byte) (image.Image, error) {
	return image.NewGray(image.Rect(0, 0, 90, 90)), nil
}

func TestDecoderMustKeepItsWord(t *testing.T) {
	p := newPipeline(t, avatar.Config{Decoders: []avatar.Decoder{oversized{}}})
	_, err := p.Render(t.Context(), strings.NewReader("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"))
	wantReject(t, err, avatar.ReasonCorrupt, "heic")
}
