package avatar

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"math"

	"github.com/cruddur/avatarkit/avatar/internal/icc"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
	"github.com/cruddur/avatarkit/avatar/internal/thumbhash"
)

// detectSide bounds the picture that Config.Detect gets.
const detectSide = 1024

// render is the pipeline: recognise, measure, bound, decode, crop, reduce, orient, colour, encode.
func (p *Pipeline) render(ctx context.Context, d *scratch, data []byte, crop Crop) (*Set, error) {
	info, err := p.inspect(data)
	if err != nil {
		return nil, err
	}
	need := min(max(info.Memory()+p.outputMemory(), 1), p.cfg.MaxMemory)
	if err := p.decodes.Acquire(ctx, need); err != nil {
		return nil, fmt.Errorf("%w: %w", errWaiting, context.Cause(ctx))
	}
	defer p.decodes.Release(need)
	ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.MaxDuration, errTimeout)
	defer cancel()

	decoded, err := p.decode(ctx, info, data)
	if err != nil {
		return nil, unreadable(ctx, info.Format, err)
	}
	rect, err := p.crop(ctx, d, decoded.Rows, info, crop)
	if err != nil {
		return nil, err
	}
	profile := colors(info)
	pictures, err := p.variants(ctx, d, decoded.Rows, rect, info, profile)
	if err != nil {
		return nil, err
	}
	set := &Set{Source: source(info, decoded.AllWarnings())}
	if profile != nil {
		set.Source.Profile = cmp.Or(profile.Name, "unnamed")
	}
	if set.Placeholder, set.Color, err = summary(ctx, d, pictures[len(pictures)-1]); err != nil {
		return nil, err
	}
	return set, p.encode(ctx, d, set, pictures)
}

func source(info *probe.Info, warnings []string) Source {
	size := oriented(info)
	s := Source{Format: info.Format, Width: size.X, Height: size.Y, Orientation: info.Orientation}
	s.Warnings = append(append(s.Warnings, info.Warnings...), warnings...)
	if info.Animated {
		s.Warnings = append(s.Warnings, "animated: only the first frame is used")
	}
	return s
}

// oriented is the picture's size as it is shown.
func oriented(info *probe.Info) image.Point { return upright(info.Bounds().Max, info.Orientation) }

// upright exchanges the sides if the orientation does.
func upright(size image.Point, orientation int) image.Point {
	if orientation >= 5 {
		return image.Pt(size.Y, size.X)
	}
	return size
}

// crop returns the rectangle of the stored picture that is shown.
func (p *Pipeline) crop(ctx context.Context, d *scratch, src resample.Source, info *probe.Info, crop Crop) (image.Rectangle, error) {
	size, first := oriented(info), p.order[0]
	if crop.Mode == "" {
		crop = p.cfg.Crop
		if p.cfg.Detect != nil {
			seen, err := p.detect(ctx, d, src, info)
			if err != nil {
				return image.Rectangle{}, err
			}
			if all := (image.Rectangle{Max: size}); seen.Overlaps(all) {
				return stored(around(seen, all, first.Width, first.Height), info.Orientation, info.Bounds().Max), nil
			}
		}
	}
	return stored(crop.rect(size, first.Width, first.Height), info.Orientation, info.Bounds().Max), nil
}

// detect asks the detector and returns its answer in pixels of the whole oriented picture.
func (p *Pipeline) detect(ctx context.Context, d *scratch, src resample.Source, info *probe.Info) (image.Rectangle, error) {
	scale := min(1, detectSide/float64(max(info.Width, info.Height)))
	w, h := max(1, int(float64(info.Width)*scale)), max(1, int(float64(info.Height)*scale))
	small, err := resample.Scale(ctx, &d.memory, src, info.Bounds(), image.Pt(w, h), 1)
	if err != nil {
		return image.Rectangle{}, unreadable(ctx, info.Format, err)
	}
	m := small.Turn(info.Orientation).NRGBA()
	r, size := p.ask(ctx, m), oriented(info)
	fx, fy := float64(size.X)/float64(m.Rect.Dx()), float64(size.Y)/float64(m.Rect.Dy())
	r = r.Intersect(m.Rect)
	return image.Rect(int(float64(r.Min.X)*fx), int(float64(r.Min.Y)*fy), int(math.Ceil(float64(r.Max.X)*fx)), int(math.Ceil(float64(r.Max.Y)*fy))), nil
}

// unreadable is what to return when the pixels cannot be had: because of ctx, or else because of the source.
func unreadable(ctx context.Context, format string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("avatar: decode: %w", context.Cause(ctx))
	}
	return corrupt(format, err)
}

// variants returns the pictures in the order of p.order, upright, in sRGB. Each is made of the one before it.
func (p *Pipeline) variants(ctx context.Context, d *scratch, src resample.Source, rect image.Rectangle, info *probe.Info, profile *icc.Profile) ([]*resample.Picture, error) {
	pictures := make([]*resample.Picture, 0, len(p.order))
	shown := upright(rect.Size(), info.Orientation)
	largest, err := p.largest(ctx, d, src, rect, p.size(p.order[0], shown), info, profile)
	if err != nil {
		return nil, err
	}
	pictures = append(pictures, largest)
	for _, v := range p.order[1:] {
		before := pictures[len(pictures)-1]
		next, err := p.scale(ctx, d, before, before.Bounds(), p.size(v, shown), p.chroma(), nil)
		if err != nil {
			return nil, fmt.Errorf("avatar: resample: %w", err)
		}
		pictures = append(pictures, next)
	}
	return pictures, nil
}

// largest makes the first variant, in the form that the encoder takes: YCbCr with smaller chroma, or RGB.
func (p *Pipeline) largest(ctx context.Context, d *scratch, src resample.Source, rect image.Rectangle, size image.Point, info *probe.Info, profile *icc.Profile) (*resample.Picture, error) {
	chroma := p.chroma()
	if profile != nil || info.Orientation > 1 && (size.X|size.Y)&1 != 0 {
		chroma = 1 // to be converted, or turned about a middle that smaller chroma does not have
	}
	m, err := p.scale(ctx, d, src, rect, upright(size, info.Orientation), chroma, profile)
	if err != nil {
		return nil, unreadable(ctx, info.Format, err)
	}
	m = m.Trim().Turn(info.Orientation)
	if m.Alpha || p.chroma() == 1 {
		return m.RGB(), nil
	}
	return m.YCbCr(), nil
}

// chroma is the factor by which the encoder's chroma is smaller than its luma.
func (p *Pipeline) chroma() int {
	if _, ok := p.cfg.Encoder.(JPEG); ok {
		return 2
	}
	return 1
}

// scale scales to sRGB; profile nil stands for that.
func (p *Pipeline) scale(ctx context.Context, d *scratch, src resample.Source, rect image.Rectangle, size image.Point, chroma int, profile *icc.Profile) (*resample.Picture, error) {
	if p.linear != nil {
		curves, encode := lightOf(profile, p.linear)
		return resample.ScaleLinear(ctx, src, rect, size, curves, encode)
	}
	m, err := resample.Scale(ctx, &d.memory, src, rect, size, chroma)
	if err != nil || profile == nil {
		return m, err
	}
	// The profile is applied to the result, which is a fraction of the work.
	return m.Map(toSRGB(profile)), nil
}

// size is the size of a variant of a crop: as asked, or, unless upscaling is wanted, as much of it as the crop has pixels for.
func (p *Pipeline) size(v Variant, crop image.Point) image.Point {
	if p.cfg.Upscale {
		return image.Pt(v.Width, v.Height)
	}
	f := min(1, float64(crop.X)/float64(v.Width), float64(crop.Y)/float64(v.Height))
	return image.Pt(max(1, int(math.Round(f*float64(v.Width)))), max(1, int(math.Round(f*float64(v.Height)))))
}

// outputMemory estimates what the largest variant takes: floating point, and two pictures of 8 bits.
func (p *Pipeline) outputMemory() int64 {
	return int64(p.order[0].Width) * int64(p.order[0].Height) * (16 + 4 + 4)
}

// encode adds the pictures to the set.
func (p *Pipeline) encode(ctx context.Context, d *scratch, set *Set, pictures []*resample.Picture) error {
	encoder := p.cfg.Encoder
	if pictures[0].Alpha && !encoder.Alpha() && p.cfg.AlphaEncoder != nil {
		encoder = p.cfg.AlphaEncoder
	}
	for i, v := range p.order {
		if ctx.Err() != nil {
			return fmt.Errorf("avatar: encode: %w", context.Cause(ctx))
		}
		m := pictures[i]
		if !encoder.Alpha() {
			m = m.Flatten(p.cfg.Background)
		}
		data, err := d.encode(encoder, m)
		if err != nil {
			return fmt.Errorf("avatar: encode %s: %w", encoder.ContentType(), err)
		}
		set.Pictures = append(set.Pictures, Picture{
			Name: v.Name, Width: m.Width, Height: m.Height,
			ContentType: encoder.ContentType(), Ext: encoder.Ext(), Data: data,
		})
	}
	return nil
}

// summary returns the placeholder and the dominant colour.
func summary(ctx context.Context, d *scratch, m *resample.Picture) (placeholder, dominant string, err error) {
	const side = 64
	if longer := max(m.Width, m.Height); longer > side {
		size := image.Pt(max(1, m.Width*side/longer), max(1, m.Height*side/longer))
		if m, err = resample.Scale(ctx, &d.memory, m, m.Bounds(), size, 1); err != nil {
			return "", "", fmt.Errorf("avatar: resample: %w", err)
		}
	}
	small := m.NRGBA()
	return base64.StdEncoding.EncodeToString(thumbhash.Encode(small)), dominantColor(small), nil
}

// dominantColor is the average of the pixels in the fullest of 4096 equal cells of RGB space, weighed by alpha.
func dominantColor(m *image.NRGBA) string {
	var cells [4096][4]int
	best := 0
	for y := range m.Rect.Dy() {
		row := m.Pix[y*m.Stride : y*m.Stride+4*m.Rect.Dx()]
		for i := 0; i < len(row); i += 4 {
			a := int(row[i+3])
			key := int(row[i]>>4)<<8 | int(row[i+1]>>4)<<4 | int(row[i+2]>>4)
			cell := &cells[key]
			cell[0] += a * int(row[i])
			cell[1] += a * int(row[i+1])
			cell[2] += a * int(row[i+2])
			cell[3] += a
			if cell[3] > cells[best][3] {
				best = key
			}
		}
	}
	c := cells[best]
	n := max(c[3], 1)
	return fmt.Sprintf("#%02x%02x%02x", c[0]/n, c[1]/n, c[2]/n)
}
