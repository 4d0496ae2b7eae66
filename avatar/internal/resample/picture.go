package resample

import (
	"image"
	"math"
)

// NRGBA returns the picture with straight alpha and 8 bits a sample. Convert, if not nil, maps each colour before it is rounded.
func (p *Picture) NRGBA(convert func(r, g, b float32) (float32, float32, float32)) *image.NRGBA {
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
		r, g, b := unit(px[0]/a), unit(px[1]/a), unit(px[2]/a)
		if convert != nil {
			r, g, b = convert(r, g, b)
		}
		m.Pix[i], m.Pix[i+1], m.Pix[i+2] = uint8(unit(r)*255+0.5), uint8(unit(g)*255+0.5), uint8(unit(b)*255+0.5)
		m.Pix[i+3] = uint8(a*255 + 0.5)
	}
	return m
}

func unit(v float32) float32 { return min(max(v, 0), 1) }

// Linear returns the curves that turn sRGB into linear light (IEC 61966-2-1).
func Linear() *Curves {
	var table [1 << 16]uint16
	for i := range table {
		table[i] = uint16(DecodeSRGB(float64(i)/0xffff)*0xffff + 0.5)
	}
	return &Curves{&table, &table, &table}
}

// DecodeSRGB turns a sample of sRGB, 0 to 1, into linear light.
func DecodeSRGB(v float64) float64 {
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
