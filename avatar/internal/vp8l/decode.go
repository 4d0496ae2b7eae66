package vp8l

import (
	"context"
	"errors"
)

var (
	// ErrTruncated says that the data ends early.
	ErrTruncated = errors.New("vp8l: the data is cut short")

	errHeader    = errors.New("vp8l: bad header")
	errCode      = errors.New("vp8l: a prefix code is damaged or cut short")
	errCache     = errors.New("vp8l: bad size of the colour cache")
	errGroups    = errors.New("vp8l: more groups of prefix codes than pictures have")
	errTransform = errors.New("vp8l: a transform comes twice")
	errReference = errors.New("vp8l: a backward reference leaves the picture")
)

// Decoder holds the header of a picture. It may decode the picture any number of times, at the same time, too.
type Decoder struct {
	// Width and Height are in pixels, 1 to 16384.
	Width, Height int
	// Alpha says that pixels may be transparent. The format calls it a hint; decoders take pictures without it for opaque, whatever their pixels say.
	Alpha bool

	data []byte // behind the header
}

// NewDecoder reads the header of a picture (section 3.4). It keeps data, and allocates nothing for the picture.
func NewDecoder(data []byte) (*Decoder, error) {
	if len(data) < 5 {
		return nil, ErrTruncated
	}
	r := bitReader{data: data[1:5]}
	d := &Decoder{Width: int(r.bits(14)) + 1, Height: int(r.bits(14)) + 1, Alpha: r.bits(1) == 1, data: data[5:]}
	if data[0] != 0x2f || r.bits(3) != 0 {
		return nil, errHeader
	}
	return d, nil
}

// NewAlphaDecoder returns a decoder for the alpha of a lossy picture (section 2.7.1.2), which has no header. It is in the green of the pixels.
func NewAlphaDecoder(data []byte, width, height int) *Decoder {
	return &Decoder{Width: width, Height: height, data: data}
}

// Rows is one reading of a picture, for one goroutine at a time.
type Rows struct {
	pixels     *pixels
	transforms []*transform
}

// Rows reads what comes before the pixels.
func (d *Decoder) Rows(ctx context.Context) (*Rows, error) {
	r, rows := &bitReader{data: d.data}, new(Rows)
	width := d.Width
	var seen [transformKinds]bool
	for r.bits(1) == 1 {
		kind := r.bits(2)
		if seen[kind] {
			return nil, errTransform
		}
		seen[kind] = true
		t, coded, err := r.readTransform(ctx, kind, width, d.Height)
		if err != nil {
			return nil, err
		}
		width = coded
		rows.transforms = append(rows.transforms, t)
	}
	var err error
	rows.pixels, err = r.newPixels(ctx, width, d.Height, true)
	return rows, err
}

// Next returns the next row, of which there are as many as the picture is high: pixels of alpha, red, green and blue, of which blue is lowest. It
// is valid until the next call. It fails with the context's cause when ctx is done.
func (r *Rows) Next(ctx context.Context) ([]uint32, error) {
	row, err := r.pixels.next(ctx)
	if err != nil {
		return nil, err
	}
	for i := len(r.transforms) - 1; i >= 0; i-- {
		row = r.transforms[i].undo(r.pixels.y-1, row)
	}
	return row, nil
}

// Rest reads the rows that are left, and returns an error if they are not whole.
func (r *Rows) Rest(ctx context.Context) error {
	for r.pixels.y < r.pixels.height {
		if err := r.pixels.skip(ctx); err != nil {
			return err
		}
	}
	return nil
}
