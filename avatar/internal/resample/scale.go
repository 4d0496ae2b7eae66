package resample

import (
	"context"
	"image"
	"math"

	"github.com/cruddur/avatarkit/avatar/internal/lanczos"
)

// Memory is what scaling works with: its results, and what it needs on the way. It is made to be used again, picture after picture. The zero
// Memory is ready; it is for one goroutine.
type Memory struct {
	samples     []byte
	used, asked int // of them
	lanczos     lanczos.Memory
}

// maxSamples bounds what is kept.
const maxSamples = 4 << 20

// Reset takes back what [Scale] returned: none of it may be used any more.
func (m *Memory) Reset() {
	if m.asked > len(m.samples) && m.asked <= maxSamples {
		m.samples = make([]byte, m.asked) // next time all of it fits
	}
	m.used, m.asked = 0, 0
	m.lanczos.Reset()
}

// take returns n samples that are zero: if a source ends early, what shows must not be the picture before.
func (m *Memory) take(n int) []byte {
	m.asked += n
	if m.used+n > len(m.samples) {
		return make([]byte, n)
	}
	part := m.samples[m.used : m.used+n : m.used+n]
	m.used += n
	clear(part)
	return part
}

// Scale returns the part of src inside rect as a picture of the given size. Rect is not empty and lies inside the bounds. Chroma, 1 or 2, is the
// factor by which the chroma planes of the result are smaller. The result is valid until memory is reset. It fails when ctx is done or src does.
func Scale(ctx context.Context, memory *Memory, src Source, rect image.Rectangle, size image.Point, chroma int) (*Picture, error) {
	reader, err := src.Open(rect, size, chroma)
	if err != nil {
		return nil, err
	}
	layout := reader.Layout()
	dst := layPicture(layout.Model, layout.Alpha, size, chroma, memory.take)
	planes := make([]window, len(dst.Planes))
	for i := range planes {
		planes[i] = newWindow(&memory.lanczos, &dst.Planes[i], layout.Grids[i], rect, size)
	}
	err = reader.Read(ctx, func(plane int, row []byte) { planes[plane].add(row) })
	if err != nil {
		return nil, err
	}
	return dst, nil
}

// window cuts the samples that lie in the rectangle out of the rows of a plane, and gives them to a scaler.
type window struct {
	scaler      *lanczos.Scaler
	left, right int // columns
	skip        int // rows that are still to come before the first
}

func newWindow(memory *lanczos.Memory, dst *Plane, g Grid, rect image.Rectangle, size image.Point) window {
	x, left := axis(g.X, g.UnitX, g.Width, rect.Min.X, rect.Dx(), size.X, dst.Width, dst.UnitX)
	y, top := axis(g.Y, g.UnitY, g.Height, rect.Min.Y, rect.Dy(), size.Y, dst.Height, dst.UnitY)
	return window{scaler: lanczos.New(memory, x, y, dst.Pix, dst.Stride), left: left, right: left + x.Given, skip: top}
}

// axis returns how a plane of the result lies over the samples of a plane of the source, in one direction, and the first of these that
// counts. From and length are of the rectangle in pixels; size is of the result, of which a plane has samples of so many pixels.
func axis(origin, unit float64, given, from, length, size, samples int, pixels float64) (lanczos.Axis, int) {
	offset, reach := (float64(from)-origin)/unit, float64(length)/unit
	first := min(max(int(math.Floor(offset+1e-9)), 0), given-1)
	end := max(min(int(math.Ceil(offset+reach-1e-9)), given), first+1)
	return lanczos.Axis{
		Offset: offset - float64(first),
		// The last sample may reach beyond the result.
		Length: reach * float64(samples) * pixels / float64(size),
		Given:  end - first,
		Size:   samples,
	}, first
}

func (w *window) add(row []byte) {
	if w.skip > 0 {
		w.skip--
		return
	}
	w.scaler.Add(row[w.left:w.right])
}
