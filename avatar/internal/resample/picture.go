package resample

import (
	"context"
	"image"
)

// Plane holds the samples of one component.
type Plane struct {
	Grid
	Pix    []byte
	Stride int
}

// Row returns row y.
func (p *Plane) Row(y int) []byte { return p.Pix[y*p.Stride : y*p.Stride+p.Width] }

// Picture is a picture in memory.
type Picture struct {
	Width, Height int
	Model         Model
	// Alpha says that the last plane is alpha, by which the others are multiplied.
	Alpha  bool
	Planes []Plane
}

func newPicture(model Model, alpha bool, size image.Point, chroma int) *Picture {
	return layPicture(model, alpha, size, chroma, func(n int) []byte { return make([]byte, n) })
}

// layPicture returns a picture in samples that take returns.
func layPicture(model Model, alpha bool, size image.Point, chroma int, take func(n int) []byte) *Picture {
	p := &Picture{Width: size.X, Height: size.Y, Model: model, Alpha: alpha}
	n := model.planes()
	if alpha {
		n++
	}
	p.Planes = make([]Plane, n)
	for i := range p.Planes {
		unit := 1
		if model.subsampled(i) {
			unit = chroma
		}
		w, h := (size.X+unit-1)/unit, (size.Y+unit-1)/unit
		p.Planes[i] = Plane{Grid{w, h, 0, 0, float64(unit), float64(unit)}, take(w * h), w}
	}
	return p
}

// Size returns the width and height.
func (p *Picture) Size() image.Point { return image.Pt(p.Width, p.Height) }

// Bounds is p as a [Source].
func (p *Picture) Bounds() image.Rectangle { return image.Rect(0, 0, p.Width, p.Height) }

// Open is p as a [Source].
func (p *Picture) Open(rect image.Rectangle, size image.Point, chroma int) (Reader, error) {
	return newPlanesReader(p, rect, size, chroma), nil
}

// planesReader reads the planes of a picture, averaged over squares where they are much larger than the result.
type planesReader struct {
	layout Layout
	planes []planeReader
}

type planeReader struct {
	*Plane
	part image.Rectangle // in samples
	box  box
}

func newPlanesReader(p *Picture, rect image.Rectangle, size image.Point, chroma int) *planesReader {
	r := &planesReader{layout: Layout{Model: p.Model, Alpha: p.Alpha}, planes: make([]planeReader, len(p.Planes))}
	for i := range p.Planes {
		in := planeReader{Plane: &p.Planes[i]}
		want := 1.0
		if p.Model.subsampled(i) {
			want = float64(chroma)
		}
		in.part = image.Rect(
			int(float64(rect.Min.X)/in.UnitX), int(float64(rect.Min.Y)/in.UnitY),
			min(int(float64(rect.Max.X-1)/in.UnitX)+1, in.Width), min(int(float64(rect.Max.Y-1)/in.UnitY)+1, in.Height))
		in.box = box{
			x: boxSide(float64(rect.Dx()) / in.UnitX * want / float64(size.X)),
			y: boxSide(float64(rect.Dy()) / in.UnitY * want / float64(size.Y)),
		}
		r.planes[i] = in
		r.layout.Grids = append(r.layout.Grids, in.box.grid(in.part, in.UnitX, in.UnitY))
	}
	return r
}

func (r *planesReader) Layout() Layout { return r.layout }

func (r *planesReader) Read(ctx context.Context, emit func(plane int, row []byte)) error {
	for i := range r.planes {
		p := &r.planes[i]
		mean := newPlaneBox(p.box, p.part.Dx())
		for y := p.part.Min.Y; y < p.part.Max.Y; y++ {
			if y&63 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if row := mean.add(p.Pix[y*p.Stride+p.part.Min.X:y*p.Stride+p.part.Max.X], y == p.part.Max.Y-1); row != nil {
				emit(i, row)
			}
		}
	}
	return nil
}

// Turn returns the picture upright, as an EXIF orientation (EXIF 2.32, tag 274) of 1 to 8 asks for.
func (p *Picture) Turn(orientation int) *Picture {
	if orientation == 1 {
		return p
	}
	out := *p
	if orientation >= 5 {
		out.Width, out.Height = p.Height, p.Width
	}
	out.Planes = make([]Plane, len(p.Planes))
	for i := range p.Planes {
		out.Planes[i] = p.Planes[i].turn(orientation)
	}
	return &out
}

func (p *Plane) turn(orientation int) Plane {
	out := Plane{p.Grid, make([]byte, p.Width*p.Height), p.Width}
	// Where the upper left sample goes, and how far apart samples that are neighbours across and down come to lie.
	w, h := p.Width, p.Height
	at, across, down := 0, 1, w
	if orientation >= 5 {
		out.Width, out.Height, out.Stride = h, w, h
		out.UnitX, out.UnitY = p.UnitY, p.UnitX
		across, down = h, 1
	}
	switch orientation {
	case 2, 3:
		at, across = at+w-1, -1
	case 7, 8:
		at, across = at+(w-1)*h, -h
	}
	switch orientation {
	case 3, 4:
		at, down = at+(h-1)*w, -w
	case 6, 7:
		at, down = at+h-1, -1
	}
	for y := range h {
		to := at + y*down
		for _, v := range p.Row(y) {
			out.Pix[to] = v
			to += across
		}
	}
	return out
}
