package avatar

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"

	"github.com/disintegration/imaging"

	"github.com/cruddur/avatarkit/avatar/internal/icc"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
	"github.com/cruddur/avatarkit/avatar/internal/thumbhash"
)

// detectSide bounds the picture that Config.Detect gets.
const detectSide = 1024

// render is the pipeline: recognise, measure, bound, decode, crop, reduce, orient, colour, encode.
func (p *Pipeline) render(ctx context.Context, data []byte, crop Crop) (*Set, error) {
	info, err := p.inspect(data)
	if err != nil {
		return nil, err
	}
	need := min(max(info.Memory()+p.outputMemory(), 1), p.cfg.MaxMemory)
	if err := p.decodes.Acquire(ctx, need); err != nil {
		return nil, fmt.Errorf("avatar: wait for memory: %w", err)
	}
	defer p.decodes.Release(need)
	ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.MaxDuration, errTimeout)
	defer cancel()

	decoded, err := p.decode(ctx, info, data)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("avatar: decode: %w", context.Cause(ctx))
		}
		return nil, corrupt(info.Format, err)
	}
	rect, err := p.crop(ctx, decoded.Rows, info, crop)
	if err != nil {
		return nil, err
	}
	profile := colors(info)
	pictures, err := p.variants(ctx, decoded.Rows, rect, info, profile)
	if err != nil {
		return nil, err
	}
	set := &Set{Source: source(info, decoded.Warnings)}
	if profile != nil {
		set.Source.Profile = cmp.Or(profile.Name, "unnamed")
	}
	set.Placeholder, set.Color = summary(pictures[len(pictures)-1])
	return set, p.encode(ctx, set, pictures)
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
func oriented(info *probe.Info) image.Point {
	if info.Orientation >= 5 {
		return image.Pt(info.Height, info.Width)
	}
	return image.Pt(info.Width, info.Height)
}

// crop returns the rectangle of the stored picture that is shown.
func (p *Pipeline) crop(ctx context.Context, rows resample.Rows, info *probe.Info, crop Crop) (image.Rectangle, error) {
	size, first := oriented(info), p.order[0]
	if crop.Mode == "" {
		crop = p.cfg.Crop
		if p.cfg.Detect != nil {
			seen, err := p.detect(ctx, rows, info)
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
func (p *Pipeline) detect(ctx context.Context, rows resample.Rows, info *probe.Info) (image.Rectangle, error) {
	scale := min(1, detectSide/float64(max(info.Width, info.Height)))
	w, h := max(1, int(float64(info.Width)*scale)), max(1, int(float64(info.Height)*scale))
	small, err := resample.Scale(ctx, rows, info.Bounds(), w, h, nil)
	if err != nil {
		return image.Rectangle{}, err
	}
	m := orient(small.NRGBA(nil), info.Orientation)
	r, size := p.cfg.Detect(m), oriented(info)
	fx, fy := float64(size.X)/float64(m.Rect.Dx()), float64(size.Y)/float64(m.Rect.Dy())
	r = r.Intersect(m.Rect)
	return image.Rect(int(float64(r.Min.X)*fx), int(float64(r.Min.Y)*fy), int(math.Ceil(float64(r.Max.X)*fx)), int(math.Ceil(float64(r.Max.Y)*fy))), nil
}

// variants returns the pictures in the order of p.order, upright, in sRGB. Each is made of the one before it.
func (p *Pipeline) variants(ctx context.Context, rows resample.Rows, rect image.Rectangle, info *probe.Info, profile *icc.Profile) ([]*image.NRGBA, error) {
	pictures := make([]*image.NRGBA, 0, len(p.order))
	turned := info.Orientation >= 5
	shown := rect.Size()
	if turned {
		shown = image.Pt(shown.Y, shown.X)
	}
	for i, v := range p.order {
		size := p.size(v, shown)
		if i > 0 {
			rows, rect = resample.FromImage(pictures[i-1], false), pictures[i-1].Rect
		} else if turned {
			size = image.Pt(size.Y, size.X)
		}
		m, err := p.scale(ctx, rows, rect, size, profile)
		if err != nil {
			return nil, fmt.Errorf("avatar: resample: %w", err)
		}
		if i == 0 {
			m, profile = orient(m, info.Orientation), nil // what follows is made of this one, which is sRGB
		}
		pictures = append(pictures, m)
	}
	return pictures, nil
}

func (p *Pipeline) scale(ctx context.Context, rows resample.Rows, rect image.Rectangle, size image.Point, profile *icc.Profile) (*image.NRGBA, error) {
	in, out := conversion(profile, p.linear)
	m, err := resample.Scale(ctx, rows, rect, size.X, size.Y, in)
	if err != nil {
		return nil, err
	}
	return m.NRGBA(out), nil
}

// size is the size of a variant of a crop: as asked, or, unless upscaling is wanted, as much of it as the crop has pixels for.
func (p *Pipeline) size(v Variant, crop image.Point) image.Point {
	if p.cfg.Upscale {
		return image.Pt(v.Width, v.Height)
	}
	f := min(1, float64(crop.X)/float64(v.Width), float64(crop.Y)/float64(v.Height))
	return image.Pt(max(1, int(math.Round(f*float64(v.Width)))), max(1, int(math.Round(f*float64(v.Height)))))
}

// orient turns a stored picture upright (EXIF 2.32, tag 274). imaging turns counter-clockwise.
func orient(m *image.NRGBA, orientation int) *image.NRGBA {
	switch orientation {
	case 2:
		return imaging.FlipH(m)
	case 3:
		return imaging.Rotate180(m)
	case 4:
		return imaging.FlipV(m)
	case 5:
		return imaging.Transpose(m)
	case 6:
		return imaging.Rotate270(m)
	case 7:
		return imaging.Transverse(m)
	case 8:
		return imaging.Rotate90(m)
	}
	return m
}

// outputMemory estimates what the largest variant takes: floating point, and two pictures of 8 bits.
func (p *Pipeline) outputMemory() int64 {
	return int64(p.order[0].Width) * int64(p.order[0].Height) * (16 + 4 + 4)
}

// encode adds the pictures to the set.
func (p *Pipeline) encode(ctx context.Context, set *Set, pictures []*image.NRGBA) error {
	encoder := p.cfg.Encoder
	opaque := pictures[0].Opaque()
	if !opaque && !encoder.Alpha() && p.cfg.AlphaEncoder != nil {
		encoder = p.cfg.AlphaEncoder
	}
	for i, v := range p.order {
		if ctx.Err() != nil {
			return fmt.Errorf("avatar: encode: %w", context.Cause(ctx))
		}
		m := pictures[i]
		if !opaque && !encoder.Alpha() {
			m = flatten(m, p.cfg.Background)
		}
		var buf bytes.Buffer
		if err := encoder.Encode(&buf, m); err != nil {
			return fmt.Errorf("avatar: encode %s: %w", encoder.ContentType(), err)
		}
		set.Pictures = append(set.Pictures, Picture{
			Name: v.Name, Width: m.Rect.Dx(), Height: m.Rect.Dy(),
			ContentType: encoder.ContentType(), Ext: encoder.Ext(), Data: buf.Bytes(),
		})
	}
	return nil
}

func flatten(m *image.NRGBA, background color.Color) *image.NRGBA {
	out := image.NewNRGBA(m.Rect)
	draw.Draw(out, out.Rect, image.NewUniform(background), image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, m, m.Rect.Min, draw.Over)
	return out
}

// summary returns the placeholder and the dominant colour.
func summary(m *image.NRGBA) (placeholder, dominant string) {
	if side := max(m.Rect.Dx(), m.Rect.Dy()); side > thumbhash.MaxSide {
		m = imaging.Fit(m, thumbhash.MaxSide, thumbhash.MaxSide, imaging.Box)
	}
	return base64.StdEncoding.EncodeToString(thumbhash.Encode(m)), dominantColor(m)
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
