package resample

import (
	"image"
	"math"
)

// NRGBA returns the picture with straight alpha and 8 bits a sample. Curve, if not nil, maps each colour sample of 0 to 1 before it is rounded.
func (p *Picture) NRGBA(curve func(float32) float32) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i := 0; i < len(p.Pix); i += 4 {
		px := p.Pix[i : i+4 : i+4]
		a := min(max(px[3], 0), 1)
		if p.Opaque {
			a = 1
		}
		if a == 0 {
			continue
		}
		for c := range 3 {
			v := min(max(px[c]/a, 0), 1)
			if curve != nil {
				v = curve(v)
			}
			m.Pix[i+c] = uint8(v*255 + 0.5)
		}
		m.Pix[i+3] = uint8(a*255 + 0.5)
	}
	return m
}

// Linear returns the curves that turn sRGB into linear light (IEC 61966-2-1).
func Linear() *Curves {
	var table [1 << 16]uint16
	for i := range table {
		table[i] = uint16(decodeSRGB(float64(i)/0xffff)*0xffff + 0.5)
	}
	return &Curves{&table, &table, &table}
}

func decodeSRGB(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// EncodeSRGB turns a sample of linear light into sRGB.
func EncodeSRGB(v float32) float32 {
	if v <= 0.0031308 {
		return v * 12.92
	}
	return float32(1.055*math.Pow(float64(v), 1/2.4) - 0.055)
}
