package decode

import (
	"context"
	"errors"

	"github.com/cruddur/avatarkit/avatar/internal/vp8l"
)

var errAlpha = errors.New("webp: the alpha is damaged or cut short")

// How the rows of alpha are coded (RFC 9649 section 2.7.1.2).
const (
	alphaRaw      = 0
	alphaLossless = 1

	filterHorizontal = 1
	filterVertical   = 2
	filterGradient   = 3
)

// alphaRows reads the alpha of a lossy picture row by row.
type alphaRows struct {
	filter byte
	raw    []byte     // what is left of it; or else
	coded  *vp8l.Rows // it is in the green
	y      int        // the next row
	here   []byte     // the row before that
	above  []byte
}

// newAlphaRows reads the header of an ALPH chunk. What it says of preprocessing changes nothing, and the reserved bits have to be ignored.
func newAlphaRows(ctx context.Context, chunk []byte, width, height int) (*alphaRows, error) {
	if len(chunk) == 0 {
		return nil, errAlpha
	}
	a := &alphaRows{filter: chunk[0] >> 2 & 3, here: make([]byte, width), above: make([]byte, width)}
	data := chunk[1:]
	switch chunk[0] & 3 {
	case alphaRaw:
		if len(data) < width*height {
			return nil, errAlpha
		}
		a.raw = data
		return a, nil
	case alphaLossless:
		var err error
		a.coded, err = vp8l.NewAlphaDecoder(data, width, height).Rows(ctx)
		return a, err
	}
	return nil, errAlpha
}

// row returns row y, which is none before those that it returned already. It is valid until the next call.
func (a *alphaRows) row(ctx context.Context, y int) ([]byte, error) {
	for a.y <= y {
		if err := a.next(ctx); err != nil {
			return nil, err
		}
	}
	return a.here, nil
}

func (a *alphaRows) next(ctx context.Context) error {
	a.here, a.above = a.above, a.here
	if a.coded == nil {
		a.raw = a.raw[copy(a.here, a.raw):]
	} else {
		row, err := a.coded.Next(ctx)
		if err != nil {
			return err
		}
		for x, px := range row {
			a.here[x] = byte(px >> 8)
		}
	}
	a.unfilter()
	a.y++
	return nil
}

// unfilter adds what is left and above. The first row is filtered horizontally, and the first column vertically, by all filters.
func (a *alphaRows) unfilter() {
	here, above := a.here, a.above
	filter := a.filter
	if a.y == 0 && filter != 0 {
		filter = filterHorizontal
		above[0] = 0
	}
	switch filter {
	case filterHorizontal:
		last := above[0]
		for x, v := range here {
			last += v
			here[x] = last
		}
	case filterVertical:
		for x, v := range above {
			here[x] += v
		}
	case filterGradient:
		left, corner := above[0], above[0]
		for x, v := range above {
			left = here[x] + byte(min(max(int(left)+int(v)-int(corner), 0), 255))
			here[x], corner = left, v
		}
	}
}

// rest reads the rows that are left, and returns an error if they are not whole.
func (a *alphaRows) rest(ctx context.Context) error {
	if a.coded == nil {
		return nil
	}
	return a.coded.Rest(ctx)
}
