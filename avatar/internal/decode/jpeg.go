package decode

import (
	"context"
	"errors"
	"image"
	stdjpeg "image/jpeg"

	"github.com/cruddur/avatarkit/avatar/internal/jpeg"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// decodeJPEG decodes with image/jpeg what that can decode. The rest, which browsers show too, goes to the decoder of this module: sampling factors that the
// standard library refuses (golang/go#54997), four components without an Adobe marker, and files that are cut short or damaged.
func decodeJPEG(ctx context.Context, data []byte) (Result, error) {
	m, err := stdjpeg.Decode(reader(ctx, data))
	if err == nil {
		return Result{Rows: resample.FromImage(m, false)}, nil
	}
	d, err := jpeg.NewDecoder(data)
	if err != nil {
		return Result{}, err
	}
	rows := newJPEGRows(d)
	err = d.Decode(ctx, jpeg.Options{}, func(strip jpeg.Strip) error {
		rows.take(strip)
		return ctx.Err()
	})
	var damage *jpeg.DamageError
	if errors.As(err, &damage) && damage.Good > 0 {
		return Result{Rows: rows, Warnings: []string{damaged}}, nil
	}
	return Result{Rows: rows}, err
}

// jpegRows are the planes of a JPEG of any sampling, model and number of components.
type jpegRows struct {
	bounds     image.Rectangle
	model      jpeg.Model
	inverted   bool
	planes     []jpegPlane
	hmax, vmax int
}

type jpegPlane struct {
	pix  []byte
	size image.Point
	h, v int
}

func newJPEGRows(d *jpeg.Decoder) *jpegRows {
	r := &jpegRows{bounds: image.Rect(0, 0, d.Width, d.Height), model: d.Model, inverted: d.Inverted}
	for i := range d.Components() {
		size := d.PlaneSize(i, 1)
		p := jpegPlane{pix: make([]byte, size.X*size.Y), size: size}
		p.h, p.v, r.hmax, r.vmax = d.Sampling(i)
		r.planes = append(r.planes, p)
	}
	return r
}

// take copies a strip into the planes.
func (r *jpegRows) take(strip jpeg.Strip) {
	for i := range strip {
		p := &r.planes[i]
		for y := strip[i].Y; y < strip[i].Y+strip[i].Height; y++ {
			copy(p.pix[y*p.size.X+strip[i].X:(y+1)*p.size.X], strip[i].Row(y))
		}
	}
}

func (r *jpegRows) Bounds() image.Rectangle { return r.bounds }

func (r *jpegRows) Opaque() bool { return true }

func (r *jpegRows) Row(y, x0, x1 int, dst []uint16) error {
	var lines [4][]byte
	for i, p := range r.planes {
		line := min(y*p.v/r.vmax, p.size.Y-1)
		lines[i] = p.pix[line*p.size.X : (line+1)*p.size.X]
	}
	for x := x0; x < x1; x++ {
		var s [4]byte
		for i, p := range r.planes {
			s[i] = lines[i][min(x*p.h/r.hmax, p.size.X-1)]
		}
		red, green, blue := r.color(s)
		dst[0], dst[1], dst[2], dst[3] = uint16(red)*0x101, uint16(green)*0x101, uint16(blue)*0x101, 0xffff
		dst = dst[4:]
	}
	return nil
}

// color turns samples into sRGB.
func (r *jpegRows) color(s [4]byte) (red, green, blue byte) {
	switch r.model {
	case jpeg.Gray:
		return s[0], s[0], s[0]
	case jpeg.RGB:
		return s[0], s[1], s[2]
	case jpeg.YCbCr:
		return ycbcr(s)
	case jpeg.YCCK:
		red, green, blue = ycbcr(s)
		s[0], s[1], s[2] = 255-red, 255-green, 255-blue
	}
	if !r.inverted {
		s = [4]byte{255 - s[0], 255 - s[1], 255 - s[2], 255 - s[3]}
	}
	k := int(s[3])
	return byte(int(s[0]) * k / 255), byte(int(s[1]) * k / 255), byte(int(s[2]) * k / 255)
}

// ycbcr is ITU-T T.871's conversion.
func ycbcr(s [4]byte) (red, green, blue byte) {
	y, cb, cr := float32(s[0]), float32(s[1])-128, float32(s[2])-128
	return clamp8(y + 1.402*cr), clamp8(y - 0.344136*cb - 0.714136*cr), clamp8(y + 1.772*cb)
}

func clamp8(v float32) byte { return byte(min(max(v+0.5, 0), 255)) }
