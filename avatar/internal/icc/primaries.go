package icc

import (
	"errors"
	"fmt"
	"math"
)

// Primaries are the CIE 1931 chromaticities x and y of white, red, green and blue, in this order.
type Primaries [8]float64

// SRGB are the primaries of sRGB (IEC 61966-2-1).
func SRGB() Primaries { return Primaries{0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06} }

// FromGamma returns the conversion from colours of the given primaries, coded with an exponent, as PNG's chunks gAMA and cHRM state them. The exponent
// 0 stands for sRGB's curve.
func FromGamma(p Primaries, exponent float64) (*Profile, error) {
	if exponent == 0 {
		return fromPrimaries("sRGB curve", p, transfer(13))
	}
	if !(exponent >= 0.1 && exponent <= 10) {
		return nil, fmt.Errorf("%w: exponent %v", ErrUnsupported, exponent)
	}
	return fromPrimaries(fmt.Sprintf("gamma %.2f", exponent), p, func(v float64) float64 { return math.Pow(v, exponent) })
}

// FromCICP returns the conversion from colours described by the code points of ITU-T H.273, as PNG's chunk cICP states them: primaries, transfer
// function, matrix and range. Transfer functions of high dynamic range are [ErrUnsupported].
func FromCICP(code [4]byte) (*Profile, error) {
	primaries, known := map[byte]Primaries{
		1:  SRGB(),
		5:  {0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06},
		6:  {0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070},
		9:  {0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046},
		12: {0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060},
	}[code[0]]
	curve := transfer(code[1])
	if !known || curve == nil || code[2] != 0 || code[3] != 1 {
		return nil, fmt.Errorf("%w: cICP %d/%d/%d/%d", ErrUnsupported, code[0], code[1], code[2], code[3])
	}
	return fromPrimaries(fmt.Sprintf("cICP %d/%d", code[0], code[1]), primaries, curve)
}

// transfer returns H.273's transfer function from samples to linear light, or nil.
func transfer(code byte) func(float64) float64 {
	switch code {
	case 1, 6, 14, 15: // BT.709 and BT.2020
		return func(v float64) float64 {
			if v < 0.081 {
				return v / 4.5
			}
			return math.Pow((v+0.099)/1.099, 1/0.45)
		}
	case 4:
		return func(v float64) float64 { return math.Pow(v, 2.2) }
	case 5:
		return func(v float64) float64 { return math.Pow(v, 2.8) }
	case 8:
		return func(v float64) float64 { return v }
	case 13:
		return func(v float64) float64 {
			if v <= 0.04045 {
				return v / 12.92
			}
			return math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return nil
}

func fromPrimaries(name string, p Primaries, curve func(float64) float64) (*Profile, error) {
	toXYZ, err := p.matrix()
	if err != nil {
		return nil, err
	}
	table := tabulate(curve)
	return &Profile{Name: name, Curves: &Curves{table, table, table}, matrix: multiply(toSRGB(), toXYZ)}, nil
}

var errPrimaries = errors.New("the primaries span no colours")

// matrix returns the matrix from linear light to XYZ relative to D50: the primaries scaled so that they add up to white (SMPTE RP 177), then adapted.
func (p Primaries) matrix() ([9]float64, error) {
	xyz := func(i int) [3]float64 { return [3]float64{p[i] / p[i+1], 1, (1 - p[i] - p[i+1]) / p[i+1]} }
	for i := 0; i < len(p); i += 2 {
		// The blue of ProPhoto has a y of 0.0001.
		if !(p[i] > -1 && p[i] < 2 && p[i+1] >= 0.0001 && p[i+1] < 2) {
			return [9]float64{}, fmt.Errorf("%w: %w", errBroken, errPrimaries)
		}
	}
	white, r, g, b := xyz(0), xyz(2), xyz(4), xyz(6)
	m := [9]float64{r[0], g[0], b[0], r[1], g[1], b[1], r[2], g[2], b[2]}
	inverse, ok := invert(m)
	if !ok {
		return [9]float64{}, fmt.Errorf("%w: %w", errBroken, errPrimaries)
	}
	scale := apply(inverse, white)
	for row := range 3 {
		for column := range 3 {
			m[3*row+column] *= scale[column]
		}
	}
	return multiply(adapt(white), m), nil
}

// adapt is the Bradford adaptation from white to D50 (ICC.1:2022 annex E).
func adapt(white [3]float64) [9]float64 {
	cones := [9]float64{0.8951, 0.2664, -0.1614, -0.7502, 1.7135, 0.0367, 0.0389, -0.0685, 1.0296}
	back, _ := invert(cones)
	from, to := apply(cones, white), apply(cones, [3]float64{0.9642, 1, 0.8249})
	return multiply(back, multiply([9]float64{0: to[0] / from[0], 4: to[1] / from[1], 8: to[2] / from[2]}, cones))
}

func multiply(a, b [9]float64) (m [9]float64) {
	for row := range 3 {
		for column := range 3 {
			for k := range 3 {
				m[3*row+column] += a[3*row+k] * b[3*k+column]
			}
		}
	}
	return m
}

func apply(m [9]float64, v [3]float64) (out [3]float64) {
	for row := range 3 {
		out[row] = m[3*row]*v[0] + m[3*row+1]*v[1] + m[3*row+2]*v[2]
	}
	return out
}

// invert returns false for a matrix that has no useful inverse.
func invert(m [9]float64) (out [9]float64, ok bool) {
	minor := func(a, b, c, d int) float64 { return m[a]*m[d] - m[b]*m[c] }
	out = [9]float64{
		minor(4, 5, 7, 8), -minor(1, 2, 7, 8), minor(1, 2, 4, 5),
		-minor(3, 5, 6, 8), minor(0, 2, 6, 8), -minor(0, 2, 3, 5),
		minor(3, 4, 6, 7), -minor(0, 1, 6, 7), minor(0, 1, 3, 4),
	}
	determinant := m[0]*out[0] + m[1]*out[3] + m[2]*out[6]
	if math.Abs(determinant) < 1e-9 {
		return out, false
	}
	for i := range out {
		out[i] /= determinant
	}
	return out, true
}
