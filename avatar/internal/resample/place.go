package resample

import "image"

// Place returns the picture of the given bounds that shows rows at a point and is transparent elsewhere. Rows lies inside the bounds.
func Place(rows Rows, bounds image.Rectangle, at image.Point) Rows {
	return &placed{rows, bounds, rows.Bounds().Add(at)}
}

type placed struct {
	rows   Rows
	bounds image.Rectangle
	at     image.Rectangle
}

func (p *placed) Bounds() image.Rectangle { return p.bounds }

func (p *placed) Opaque() bool { return p.at == p.bounds && p.rows.Opaque() }

func (p *placed) Row(y, x0, x1 int, dst []uint16) error {
	clear(dst[:4*(x1-x0)])
	left, right := max(x0, p.at.Min.X), min(x1, p.at.Max.X)
	if y < p.at.Min.Y || y >= p.at.Max.Y || left >= right {
		return nil
	}
	return p.rows.Row(y-p.at.Min.Y, left-p.at.Min.X, right-p.at.Min.X, dst[4*(left-x0):])
}
