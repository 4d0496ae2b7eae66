package resample

import (
	"image"
	"image/color"
)

// rgbOf returns the conversion of samples of the model to sRGB.
func rgbOf(model Model) func(s [4]byte) (r, g, b byte) {
	switch model {
	case Gray:
		return func(s [4]byte) (r, g, b byte) { return s[0], s[0], s[0] }
	case YCbCr:
		return func(s [4]byte) (r, g, b byte) { return fromYCbCr(int32(s[0])<<16, int32(s[1])-128, int32(s[2])-128) }
	case Video: // RFC 6386 section 9.2: ITU-R BT.601
		return func(s [4]byte) (r, g, b byte) {
			const gain = 255 << 16 / 219
			y, cb, cr := (int32(s[0])-16)*gain, int32(s[1])-128, int32(s[2])-128
			return fromVideo(y, cb, cr)
		}
	case CMYK:
		return func(s [4]byte) (r, g, b byte) {
			k := uint32(s[3])
			return times(s[0], k), times(s[1], k), times(s[2], k)
		}
	case YCCK:
		return func(s [4]byte) (r, g, b byte) {
			// The amounts of ink were taken for red, green and blue.
			r, g, b = fromYCbCr(int32(s[0])<<16, int32(s[1])-128, int32(s[2])-128)
			k := uint32(s[3])
			return times(255-r, k), times(255-g, k), times(255-b, k)
		}
	}
	return func(s [4]byte) (r, g, b byte) { return s[0], s[1], s[2] }
}

// fromYCbCr is ITU-T T.871's conversion; y has 16 bits behind the point.
func fromYCbCr(y, cb, cr int32) (r, g, b byte) {
	y += 1 << 15
	return clamp(y + 91881*cr), clamp(y - 22554*cb - 46802*cr), clamp(y + 116130*cb)
}

// fromVideo is the same with chroma of 224 steps.
func fromVideo(y, cb, cr int32) (r, g, b byte) {
	y += 1 << 15
	return clamp(y + 104597*cr), clamp(y - 25675*cb - 53279*cr), clamp(y + 132201*cb)
}

func clamp(v int32) byte {
	v >>= 16
	if uint32(v) > 255 {
		v = ^(v >> 31)
	}
	return byte(v)
}

// RGB returns the picture as RGB, with the alpha that it has. It returns p itself if it is that.
func (p *Picture) RGB() *Picture {
	if p.Model == RGB {
		return p
	}
	out := newPicture(RGB, p.Alpha, p.Size(), 1)
	if p.Alpha {
		out.Planes[3] = p.Planes[len(p.Planes)-1]
	}
	convert := rgbOf(p.Model)
	n := p.Model.planes()
	for y := range p.Height {
		var rows [4][]byte
		var halved [4]int
		for i, in := range p.Planes[:n] {
			rows[i] = in.Row(min(int(float64(y)/in.UnitY), in.Height-1))
			halved[i] = int(in.UnitX) - 1
		}
		r, g, b := out.Planes[0].Row(y), out.Planes[1].Row(y), out.Planes[2].Row(y)
		for x := range r {
			var s [4]byte
			for i := range n {
				s[i] = rows[i][x>>halved[i]]
			}
			r[x], g[x], b[x] = convert(s)
		}
	}
	return out
}

// YCbCr returns an opaque picture as YCbCr with chroma of half the width and height; a grey one stays grey, and one that is YCbCr stays as it is.
func (p *Picture) YCbCr() *Picture {
	switch p.Model {
	case Gray, YCbCr:
		return p
	case Video:
		return p.fullRange()
	}
	p = p.RGB()
	out := newPicture(YCbCr, false, p.Size(), 2)
	for y := range p.Height {
		r, g, b := p.Planes[0].Row(y), p.Planes[1].Row(y), p.Planes[2].Row(y)
		luma := out.Planes[0].Row(y)
		for x := range luma {
			luma[x] = byte((19595*int32(r[x]) + 38470*int32(g[x]) + 7471*int32(b[x]) + 1<<15) >> 16)
		}
	}
	for y := range out.Planes[1].Height {
		cb, cr := out.Planes[1].Row(y), out.Planes[2].Row(y)
		below := min(2*y+1, p.Height-1)
		var rows [6][]byte
		for i := range 3 {
			rows[i], rows[3+i] = p.Planes[i].Row(2*y), p.Planes[i].Row(below)
		}
		for x := range cb {
			left, right := 2*x, min(2*x+1, p.Width-1)
			sum := func(i int) int32 {
				return int32(rows[i][left]) + int32(rows[i][right]) + int32(rows[3+i][left]) + int32(rows[3+i][right])
			}
			r, g, b := sum(0), sum(1), sum(2)
			cb[x] = clamp((-11059*r - 21709*g + 32768*b + 128<<18 + 1<<17) >> 2)
			cr[x] = clamp((32768*r - 27439*g - 5329*b + 128<<18 + 1<<17) >> 2)
		}
	}
	return out
}

// fullRange stretches video range.
func (p *Picture) fullRange() *Picture {
	var luma, chroma [256]byte
	for i := range int32(256) {
		luma[i] = clamp((i-16)*(255<<16/219) + 1<<15)
		chroma[i] = clamp((i-128)*(255<<16/224) + 128<<16 + 1<<15)
	}
	out := newPicture(YCbCr, false, p.Size(), int(p.Planes[1].UnitX))
	for i := range out.Planes {
		table := &chroma
		if i == 0 {
			table = &luma
		}
		for k, v := range p.Planes[i].Pix[:len(out.Planes[i].Pix)] {
			out.Planes[i].Pix[k] = table[v]
		}
	}
	return out
}

// Trim returns the picture without an alpha that is 255 everywhere.
func (p *Picture) Trim() *Picture {
	if !p.Alpha {
		return p
	}
	n := len(p.Planes) - 1
	for _, a := range p.Planes[n].Pix {
		if a != 255 {
			return p
		}
	}
	out := *p
	out.Alpha, out.Planes = false, p.Planes[:n]
	return &out
}

// Flatten returns the picture over a background; an opaque one stays as it is.
func (p *Picture) Flatten(background color.Color) *Picture {
	if !p.Alpha {
		return p
	}
	p = p.RGB()
	n := color.NRGBAModel.Convert(background).(color.NRGBA)
	out := newPicture(RGB, false, p.Size(), 1)
	alpha := p.Planes[3].Pix
	for i, under := range [3]byte{n.R, n.G, n.B} {
		src, dst := p.Planes[i].Pix, out.Planes[i].Pix
		for k, a := range alpha {
			dst[k] = byte(min(uint32(src[k])+uint32(times(under, 255-uint32(a))), 255))
		}
	}
	return out
}

// Map returns the picture in the colours that convert makes of straight red, green and blue. A grey picture stays grey.
func (p *Picture) Map(convert func(r, g, b byte) (byte, byte, byte)) *Picture {
	if p.Model == Gray && !p.Alpha {
		var table [256]byte
		for i := range table {
			table[i], _, _ = convert(byte(i), byte(i), byte(i))
		}
		out := newPicture(Gray, false, p.Size(), 1)
		for i, v := range p.Planes[0].Pix {
			out.Planes[0].Pix[i] = table[v]
		}
		return out
	}
	p = p.RGB()
	out := newPicture(RGB, p.Alpha, p.Size(), 1)
	for i := range out.Planes[0].Pix {
		r, g, b := p.Planes[0].Pix[i], p.Planes[1].Pix[i], p.Planes[2].Pix[i]
		a := byte(255)
		if p.Alpha {
			a = p.Planes[3].Pix[i]
			out.Planes[3].Pix[i] = a
			r, g, b = straight(r, a), straight(g, a), straight(b, a)
		}
		r, g, b = convert(r, g, b)
		for c, v := range [3]byte{r, g, b} {
			out.Planes[c].Pix[i] = times(v, uint32(a))
		}
	}
	return out
}

// straight takes the alpha out of a sample.
func straight(v, a byte) byte {
	if a == 0 {
		return 0
	}
	return byte(min((uint32(v)*255+uint32(a)/2)/uint32(a), 255))
}

// NRGBA returns the picture for those who want pixels.
func (p *Picture) NRGBA() *image.NRGBA {
	p = p.RGB()
	m := image.NewNRGBA(p.Bounds())
	for i := range p.Planes[0].Pix {
		px := (*[4]byte)(m.Pix[4*i:])
		px[0], px[1], px[2], px[3] = p.Planes[0].Pix[i], p.Planes[1].Pix[i], p.Planes[2].Pix[i], 255
		if p.Alpha {
			a := p.Planes[3].Pix[i]
			px[0], px[1], px[2], px[3] = straight(px[0], a), straight(px[1], a), straight(px[2], a), a
		}
	}
	return m
}
