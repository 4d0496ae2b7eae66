// Package resample makes a smaller (or larger) picture of a part of another one, with Lanczos 3.
//
// A picture is a set of planes of bytes, as its file has them: luma and chroma stay apart, and chroma at its own size, until something needs
// other colours. The way of the data:
//
//	source.go  a Source is read in rows of planes, reduced as far as the result allows
//	image.go   a Source of any image.Image
//	rows.go    a Source whose planes come row by row
//	box.go     the reduction of what was decoded at its full size: averages over squares
//	scale.go   Scale: rows in, filtered by package lanczos, a Picture out
//	picture.go the Picture, which is a Source again; turning it upright
//	color.go   its colours: to RGB, to YCbCr, to a background
//	linear.go  the other way to scale, in linear light and floating point, of the rows of pixels that join.go makes
package resample

import (
	"context"
	"image"
)

// Model says what the planes of a picture are.
type Model int

// The models and their planes. Any of them may have a plane of alpha behind these; then the samples are premultiplied.
const (
	Gray  Model = iota
	YCbCr       // full range, ITU-R BT.601
	Video       // YCbCr of video range, as VP8 codes it: luma 16 to 235, chroma 16 to 240
	RGB
	CMYK // inverted: 255 is no ink
	YCCK // YCbCr of the inverted C, M, Y, and inverted K
)

// planes returns how many planes the model has.
func (m Model) planes() int {
	switch m {
	case Gray:
		return 1
	case CMYK, YCCK:
		return 4
	}
	return 3
}

// subsampled says that a plane of the model may be smaller than the first.
func (m Model) subsampled(plane int) bool {
	return (m == YCbCr || m == Video || m == YCCK) && (plane == 1 || plane == 2)
}

// Grid says where the samples of a plane lie in the picture: sample (i, j) covers the pixels from X+i*UnitX to X+(i+1)*UnitX across, and likewise
// down.
type Grid struct {
	Width, Height int
	X, Y          float64
	UnitX, UnitY  float64
}

// Layout is what a [Reader] will give.
type Layout struct {
	Model Model
	// Alpha says that the last grid is that of the alpha.
	Alpha bool
	Grids []Grid
}

// Source is a picture that can be read any number of times, one reading after the other.
type Source interface {
	// Bounds is the picture's size; it starts at (0, 0).
	Bounds() image.Rectangle
	// Open prepares to read the part inside rect, which is not empty and lies inside the bounds, for a result of the given size, whose chroma planes,
	// if any, are smaller by the factor chroma. The planes that come cover rect and may be smaller than those of the source,
	// but not smaller than the result's.
	Open(rect image.Rectangle, size image.Point, chroma int) (Reader, error)
}

// Reader delivers one reading of a Source.
type Reader interface {
	Layout() Layout
	// Read calls emit with the rows of all planes, those of a plane from top to bottom. A row is valid during the call. It ends early with the
	// context's cause.
	Read(ctx context.Context, emit func(plane int, row []byte)) error
}
