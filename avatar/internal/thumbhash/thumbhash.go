// Package thumbhash makes the few bytes that stand for a picture until it has been loaded, in the format of
// https://evanw.github.io/thumbhash/.
package thumbhash

import (
	"image"
	"math"
)

// MaxSide is the largest side of a picture that Encode takes.
const MaxSide = 100

// Encode returns the ThumbHash of m, whose sides are 1 to MaxSide pixels.
//
// The format: 24 bits (average luma 6, p 6, q 6, luma scale 5, has alpha 1), 16 bits (longer side's luma terms 3, p scale 6, q scale 6,
// landscape 1), with alpha 8 more (average and scale), then the terms of the cosine transforms, 4 bits each.
func Encode(m *image.NRGBA) []byte {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	average := averageColor(m)
	hasAlpha := average[3] < float64(w*h)

	limit := 7.0
	if hasAlpha {
		limit = 5
	}
	longer := float64(max(w, h))
	lx := max(1, int(math.Round(limit*float64(w)/longer)))
	ly := max(1, int(math.Round(limit*float64(h)/longer)))

	plane := make([]float64, w*h)
	l := transform(fill(plane, luma, m, average), w, h, max(3, lx), max(3, ly))
	p := transform(fill(plane, yellowBlue, m, average), w, h, 3, 3)
	q := transform(fill(plane, redGreen, m, average), w, h, 3, 3)

	landscape, terms := 0, lx
	if w > h {
		landscape, terms = 1, ly
	}
	alphaBit := 0
	if hasAlpha {
		alphaBit = 1
	}
	head24 := round(63*l.dc) | round(31.5+31.5*p.dc)<<6 | round(31.5+31.5*q.dc)<<12 | round(31*l.scale)<<18 | alphaBit<<23
	head16 := terms | round(63*p.scale)<<3 | round(63*q.scale)<<9 | landscape<<15
	hash := []byte{byte(head24), byte(head24 >> 8), byte(head24 >> 16), byte(head16), byte(head16 >> 8)}
	waves := append(append(l.ac, p.ac...), q.ac...)
	if hasAlpha {
		a := transform(fill(plane, opacity, m, average), w, h, 5, 5)
		hash = append(hash, byte(round(15*a.dc)|round(15*a.scale)<<4))
		waves = append(waves, a.ac...)
	}
	for i, f := range waves {
		if i%2 == 0 {
			hash = append(hash, 0)
		}
		hash[len(hash)-1] |= byte(round(15*f) << (4 * (i % 2)))
	}
	return hash
}

// round is JavaScript's Math.round, which the format is defined by: halves go up.
func round(f float64) int { return int(math.Floor(f + 0.5)) }

// averageColor returns the average red, green and blue, weighed by alpha, and the sum of the alphas.
func averageColor(m *image.NRGBA) [4]float64 {
	var sum [4]float64
	each(m, func(_ int, px []byte) {
		a := float64(px[3]) / 255
		sum[0] += a / 255 * float64(px[0])
		sum[1] += a / 255 * float64(px[1])
		sum[2] += a / 255 * float64(px[2])
		sum[3] += a
	})
	if sum[3] > 0 {
		sum[0] /= sum[3]
		sum[1] /= sum[3]
		sum[2] /= sum[3]
	}
	return sum
}

// The planes that are transformed: of pixels over the average colour, and of their alpha.
func luma(r, g, b, _ float64) float64       { return (r + g + b) / 3 }
func yellowBlue(r, g, b, _ float64) float64 { return (r+g)/2 - b }
func redGreen(r, g, _, _ float64) float64   { return r - g }
func opacity(_, _, _, a float64) float64    { return a }

// fill fills a plane with what of makes of the picture over its average colour.
func fill(plane []float64, of func(r, g, b, a float64) float64, m *image.NRGBA, average [4]float64) []float64 {
	each(m, func(i int, px []byte) {
		a := float64(px[3]) / 255
		r := average[0]*(1-a) + a/255*float64(px[0])
		g := average[1]*(1-a) + a/255*float64(px[1])
		b := average[2]*(1-a) + a/255*float64(px[2])
		plane[i] = of(r, g, b, a)
	})
	return plane
}

func each(m *image.NRGBA, f func(i int, px []byte)) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	for y := range h {
		row := m.Pix[y*m.Stride : y*m.Stride+4*w]
		for x := range w {
			f(y*w+x, row[4*x:4*x+4])
		}
	}
}

// channel is a plane as cosine terms: the constant one, and the others scaled to 0..1.
type channel struct {
	dc, scale float64
	ac        []float64
}

func transform(plane []float64, w, h, nx, ny int) channel {
	var c channel
	across, down := cosines(w, nx), cosines(h, ny)
	// The terms are separable: rows first, so that each is looked at once for every frequency across.
	rows := make([]float64, nx*h)
	for cx := range nx {
		wave := across[cx*w : (cx+1)*w]
		y := 0
		for ; y+4 <= h; y += 4 { // four sums at once, since an addition waits for the one before
			r := plane[y*w : (y+4)*w]
			r0, r1, r2, r3 := r[:w], r[w:2*w], r[2*w:3*w], r[3*w:]
			f0, f1, f2, f3 := 0.0, 0.0, 0.0, 0.0
			for x, c := range wave {
				f0, f1, f2, f3 = f0+r0[x]*c, f1+r1[x]*c, f2+r2[x]*c, f3+r3[x]*c
			}
			rows[cx*h+y], rows[cx*h+y+1], rows[cx*h+y+2], rows[cx*h+y+3] = f0, f1, f2, f3
		}
		for ; y < h; y++ {
			f := 0.0
			for x, c := range wave {
				f += plane[y*w+x] * c
			}
			rows[cx*h+y] = f
		}
	}
	for cy := range ny {
		for cx := 0; cx*ny < nx*(ny-cy); cx++ {
			f := 0.0
			for y, v := range rows[cx*h : (cx+1)*h] {
				f += v * down[cy*h+y]
			}
			f /= float64(w * h)
			if cx == 0 && cy == 0 {
				c.dc = f
				continue
			}
			c.ac = append(c.ac, f)
			c.scale = max(c.scale, math.Abs(f))
		}
	}
	if c.scale > 0 {
		for i := range c.ac {
			c.ac[i] = 0.5 + 0.5/c.scale*c.ac[i]
		}
	}
	return c
}

// cosines returns count frequencies over n samples.
func cosines(n, count int) []float64 {
	table := make([]float64, count*n)
	for c := range count {
		for i := range n {
			table[c*n+i] = math.Cos(math.Pi / float64(n) * float64(c) * (float64(i) + 0.5))
		}
	}
	return table
}
