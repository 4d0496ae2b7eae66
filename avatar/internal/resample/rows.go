package resample

import (
	"context"
	"image"
)

// NewRowsReader returns a reader for a [Source] whose planes come row by row. P says how they lie; its planes hold no samples. Read calls row with every row of every
// plane that rect needs, those of a plane from top to bottom, or with more of them: y counts from the top of the plane, and samples from its left edge. The rest
// is as for [Source.Open].
func NewRowsReader(p *Picture, rect image.Rectangle, size image.Point, chroma int, read func(ctx context.Context, row func(plane, y int, samples []byte)) error) Reader {
	return &rowsReader{newPlanesReader(p, rect, size, chroma), read}
}

type rowsReader struct {
	*planesReader
	read func(ctx context.Context, row func(plane, y int, samples []byte)) error
}

func (r *rowsReader) Read(ctx context.Context, emit func(plane int, row []byte)) error {
	means := make([]*planeBox, len(r.planes))
	for i, p := range r.planes {
		means[i] = newPlaneBox(p.box, p.part.Dx())
	}
	return r.read(ctx, func(plane, y int, samples []byte) {
		part := r.planes[plane].part
		if y < part.Min.Y || y >= part.Max.Y {
			return
		}
		if row := means[plane].add(samples[part.Min.X:part.Max.X], y == part.Max.Y-1); row != nil {
			emit(plane, row)
		}
	})
}

// VideoPixels writes a row of video-range YCbCr, with chroma of half the width, as pixels of red, green, blue and straight alpha; alpha nil means opaque. A
// sample of chroma serves both of its pixels; the filter that follows smooths it.
func VideoPixels(dst, luma, cb, cr, alpha []byte) {
	const gain = 255 << 16 / 219
	for x, y := range luma {
		px := (*[4]byte)(dst[4*x:])
		px[0], px[1], px[2] = fromVideo((int32(y)-16)*gain, int32(cb[x/2])-128, int32(cr[x/2])-128)
		px[3] = 255
		if alpha != nil {
			px[3] = alpha[x]
		}
	}
}
