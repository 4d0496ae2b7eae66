package avatar

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"golang.org/x/sync/semaphore"

	"github.com/cruddur/avatarkit/avatar/internal/resample"
	"github.com/cruddur/avatarkit/avatar/internal/sniff"
)

// Config says what a [Pipeline] accepts and what it makes. The zero Config is useful.
type Config struct {
	// Kind says which variants to make. Zero means [AvatarKind].
	Kind Kind
	// MaxBytes is the largest source, in bytes. Zero means 10 MiB.
	MaxBytes int64
	// MaxPixels is the largest source, in pixels (width times height of the canvas; only one frame of an animation is ever decoded).
	// Zero means 50 million.
	MaxPixels int64
	// MaxMemory is the memory, in bytes, that all calls of Render together may use for decoding; further calls wait. A single picture that is estimated
	// to need more is refused. Zero means 512 MiB. As many sources as fit in a quarter of it are held at once, and at least one;
	// one that does not tell its size counts with MaxBytes.
	MaxMemory int64
	// MaxDuration bounds one Render, without the time that it waits for memory. Zero means 15 seconds.
	MaxDuration time.Duration
	// Background is the colour under transparent pixels where the output has none. Nil means white.
	Background color.Color
	// Crop is used when a call names none. Zero means [CropUpper].
	Crop Crop
	// Detect, if set, chooses the crop when a call names none: it gets the oriented picture, reduced to at most 1024 pixels a side, and
	// returns the part that must be seen, in that picture's coordinates. The crop is the smallest rectangle of the kind's shape around it. An empty
	// rectangle, and a panic, which is logged, leave the choice to Crop. It must be safe for concurrent use.
	Detect func(image.Image) image.Rectangle
	// Upscale makes every variant of exactly its size, also from a smaller source.
	Upscale bool
	// Linear resamples in linear light, which keeps fine bright detail, at some cost in time.
	Linear bool
	// Encoder writes the variants. Nil means JPEG{}.
	Encoder Encoder
	// AlphaEncoder, if set, writes the variants of pictures that have transparent pixels, such as PNG{}. Nil flattens them unless Encoder keeps alpha.
	AlphaEncoder Encoder
	// Decoders read further formats.
	Decoders []Decoder
	// Logger receives defects. Nil is silent.
	Logger *slog.Logger
	// MeterProvider counts. Nil counts nothing.
	MeterProvider metric.MeterProvider
}

// The defaults of Config, and the largest variant.
const (
	defaultMaxBytes    = 10 << 20
	defaultMaxPixels   = 50_000_000
	defaultMaxMemory   = 512 << 20
	defaultMaxDuration = 15 * time.Second
	maxSide            = 16384 // of a variant
)

// New checks cfg and returns a pipeline. It does no I/O. All that is wrong is told in one error.
func New(cfg Config) (*Pipeline, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	meter := cfg.MeterProvider.Meter("github.com/cruddur/avatarkit/avatar")
	renders, err := meter.Int64Counter("avatar.renders", metric.WithDescription("Sources rendered, by outcome."))
	if err != nil {
		return nil, fmt.Errorf("avatar: make the counter of renders: %w", err)
	}
	reads := max(cfg.MaxMemory/4, cfg.MaxBytes)
	p := &Pipeline{
		cfg:       cfg,
		order:     largestFirst(cfg.Kind.Variants),
		reads:     semaphore.NewWeighted(reads),
		decodes:   semaphore.NewWeighted(cfg.MaxMemory),
		scratches: new(sync.Pool),
		renders:   renders,
	}
	if cfg.Linear {
		p.linear = resample.Linear()
	}
	return p, nil
}

func (c Config) withDefaults() Config {
	if c.Kind.Name == "" && c.Kind.Variants == nil {
		c.Kind = AvatarKind()
	}
	c.Decoders = slices.Clone(c.Decoders)
	c.Kind.Variants = append([]Variant(nil), c.Kind.Variants...)
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.MaxPixels == 0 {
		c.MaxPixels = defaultMaxPixels
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = defaultMaxMemory
	}
	if c.MaxDuration == 0 {
		c.MaxDuration = defaultMaxDuration
	}
	if c.Background == nil {
		c.Background = color.White
	}
	if c.Encoder == nil {
		c.Encoder = JPEG{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MeterProvider == nil {
		c.MeterProvider = noop.NewMeterProvider()
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("avatar: "+format, args...)) }
	if c.MaxBytes < 0 || c.MaxPixels < 0 || c.MaxMemory < 0 || c.MaxDuration < 0 {
		fault("MaxBytes, MaxPixels, MaxMemory and MaxDuration must not be negative")
	}
	if _, _, _, a := c.Background.RGBA(); a != 0xffff {
		fault("Background must be opaque")
	}
	if j, ok := c.Encoder.(JPEG); ok && (j.Quality < 0 || j.Quality > 100) {
		fault("JPEG quality is %d; it is 1 to 100, or 0 for the default", j.Quality)
	}
	if c.AlphaEncoder != nil && !c.AlphaEncoder.Alpha() {
		fault("AlphaEncoder writes %s, which keeps no transparency", c.AlphaEncoder.ContentType())
	}
	for _, d := range c.Decoders {
		if d == nil || !slices.Contains([]string{sniff.HEIC, sniff.AVIF}, d.Format()) {
			fault("a decoder is nil or reads a format that is never given to it; it reads heic or avif")
		}
	}
	return errors.Join(append(errs, c.Crop.Validate(), c.Kind.validate())...)
}

var (
	kindName    = regexp.MustCompile(`^[a-z]{1,32}$`)
	variantName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
)

func (k Kind) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("avatar: "+format, args...)) }
	if !kindName.MatchString(k.Name) {
		fault("kind name %q does not match %s", k.Name, kindName)
	}
	if len(k.Variants) == 0 {
		fault("kind %q has no variants", k.Name)
	}
	seen := map[string]bool{}
	for _, v := range k.Variants {
		if !variantName.MatchString(v.Name) {
			fault("variant name %q does not match %s", v.Name, variantName)
		}
		if seen[v.Name] {
			fault("variant name %q is used twice", v.Name)
		}
		seen[v.Name] = true
		if v.Width < 1 || v.Height < 1 || v.Width > maxSide || v.Height > maxSide {
			fault("variant %q is %dx%d; sides are 1 to %d pixels", v.Name, v.Width, v.Height, maxSide)
			continue
		}
		// To within a pixel: the height that the first variant's shape gives this width.
		first := k.Variants[0]
		if want := v.Width * first.Height; first.Width > 0 && abs(want-v.Height*first.Width) > first.Width {
			fault("variant %q has another shape than %q", v.Name, first.Name)
		}
	}
	return errors.Join(errs...)
}

func abs(n int) int { return max(n, -n) }
