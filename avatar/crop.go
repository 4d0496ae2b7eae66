package avatar

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime/debug"
)

// CropMode names a way to choose the part of a picture that is shown.
type CropMode string

// The crop modes.
const (
	CropUpper  CropMode = "upper"  // two thirds of what is too tall goes below, one third above: faces are there. The default
	CropCentre CropMode = "centre" // the same on all sides
	CropFocal  CropMode = "focal"  // as near as possible around the point X, Y
	CropRect   CropMode = "rect"   // the rectangle X, Y, Width, Height
)

// Crop chooses the part of a picture that is shown. The zero Crop means the default: that of the pipeline, and there [CropUpper].
// It holds plain numbers, so that it can be kept and sent as JSON.
type Crop struct {
	Mode CropMode `json:"mode,omitempty"`
	// X and Y are the focal point, or the upper left corner of the rectangle, as fractions (0 to 1) of the oriented picture's width and height.
	X float64 `json:"x,omitempty"`
	Y float64 `json:"y,omitempty"`
	// Width and Height are the rectangle's size as fractions of the oriented picture's. A rectangle of another shape than the kind's is
	// trimmed around its centre.
	Width  float64 `json:"width,omitempty"`
	Height float64 `json:"height,omitempty"`
}

// Validate returns an error that says which field is wrong, or nil.
func (c Crop) Validate() error {
	switch c.Mode {
	case "", CropUpper, CropCentre:
		return nil
	case CropFocal:
		return errors.Join(fraction("x", c.X), fraction("y", c.Y))
	case CropRect:
		err := errors.Join(fraction("x", c.X), fraction("y", c.Y), fraction("width", c.Width), fraction("height", c.Height))
		// The sums may pass 1 by what rounding to a few decimals makes of them.
		if err == nil && (c.Width == 0 || c.Height == 0 || c.X+c.Width > 1.001 || c.Y+c.Height > 1.001) {
			err = errors.New("avatar: the crop rectangle is empty or reaches outside the picture")
		}
		return err
	}
	return fmt.Errorf("avatar: unknown crop mode %q; use upper, centre, focal or rect", c.Mode)
}

func fraction(name string, f float64) error {
	if f >= 0 && f <= 1 {
		return nil
	}
	return fmt.Errorf("avatar: crop %s is %v; it is a fraction from 0 to 1", name, f)
}

// ask asks the detector. Its panic is a defect of the application's, no reason to refuse a picture: it is logged and leaves the choice to Config.Crop.
func (p *Pipeline) ask(ctx context.Context, m image.Image) (seen image.Rectangle) {
	defer func() {
		if v := recover(); v != nil {
			p.cfg.Logger.ErrorContext(ctx, "avatar: panic in Config.Detect", "panic", v, "stack", string(debug.Stack()))
			seen = image.Rectangle{}
		}
	}()
	return p.cfg.Detect(m)
}

// rect returns the part of an oriented picture of the given size, in the shape of w to h.
func (c Crop) rect(size image.Point, w, h int) image.Rectangle {
	all := image.Rectangle{Max: size}
	switch c.Mode {
	case CropCentre:
		return cut(all, w, h, 0.5, 0.5)
	case CropFocal:
		r := cut(all, w, h, 0, 0)
		at := image.Pt(int(c.X*float64(size.X))-r.Dx()/2, int(c.Y*float64(size.Y))-r.Dy()/2)
		return inside(r.Add(at), all)
	case CropRect:
		x0, y0 := math.Round(c.X*float64(size.X)), math.Round(c.Y*float64(size.Y))
		x1, y1 := math.Round((c.X+c.Width)*float64(size.X)), math.Round((c.Y+c.Height)*float64(size.Y))
		r := image.Rect(int(x0), int(y0), max(int(x1), int(x0)+1), max(int(y1), int(y0)+1))
		return cut(inside(r, all), w, h, 0.5, 0.5)
	}
	return cut(all, w, h, 0.5, 1.0/3)
}

// cut returns the largest rectangle of the shape w to h in r. The shares of what is left over go to its left and above.
func cut(r image.Rectangle, w, h int, left, above float64) image.Rectangle {
	rw, rh := float64(r.Dx()), float64(r.Dy())
	cw, ch := rw, math.Max(1, math.Round(rw*float64(h)/float64(w)))
	if ch > rh {
		cw, ch = math.Max(1, math.Round(rh*float64(w)/float64(h))), rh
	}
	at := r.Min.Add(image.Pt(int((rw-cw)*left), int((rh-ch)*above)))
	return image.Rectangle{at, at.Add(image.Pt(int(cw), int(ch)))}
}

// around returns the smallest rectangle of the shape w to h that holds r, as far as the picture reaches.
func around(r, all image.Rectangle, w, h int) image.Rectangle {
	r = r.Intersect(all)
	cw, ch := r.Dx(), max(1, r.Dx()*h/w)
	if ch < r.Dy() {
		cw, ch = max(1, r.Dy()*w/h), r.Dy()
	}
	largest := cut(all, w, h, 0, 0)
	cw, ch = min(cw, largest.Dx()), min(ch, largest.Dy())
	centre := r.Min.Add(r.Max).Div(2)
	grown := image.Rect(0, 0, cw, ch).Add(centre.Sub(image.Pt(cw/2, ch/2)))
	return inside(grown, all)
}

// inside moves r into all; a side that is too long is cut.
func inside(r, all image.Rectangle) image.Rectangle {
	move := image.Pt(
		min(max(r.Min.X, all.Min.X), max(all.Max.X-r.Dx(), all.Min.X))-r.Min.X,
		min(max(r.Min.Y, all.Min.Y), max(all.Max.Y-r.Dy(), all.Min.Y))-r.Min.Y,
	)
	return r.Add(move).Intersect(all)
}

// stored maps a rectangle of the oriented picture to the picture as stored, whose size is given. Orientation is EXIF's, 1 to 8.
func stored(r image.Rectangle, orientation int, size image.Point) image.Rectangle {
	if orientation >= 5 { // the sides change places
		r = image.Rect(r.Min.Y, r.Min.X, r.Max.Y, r.Max.X)
	}
	switch orientation {
	case 2, 3, 7, 8:
		r.Min.X, r.Max.X = size.X-r.Max.X, size.X-r.Min.X
	}
	switch orientation {
	case 3, 4, 6, 7:
		r.Min.Y, r.Max.Y = size.Y-r.Max.Y, size.Y-r.Min.Y
	}
	return r
}
