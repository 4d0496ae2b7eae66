package resample

import "image"

// ycbcrRows converts BT.601 luma and chroma, of full range as JPEG has it or of video range as VP8 has it (RFC 6386 section 9.2).
// Chroma is taken from the nearest sample; the filter that follows smooths it.
type ycbcrRows struct {
	imageRows
	m       *image.YCbCr
	alpha   []byte
	aStride int
	luma    [256]int32 // luma in 16.16
	scale   [4]int32   // Cr to R, Cb to G, Cr to G, Cb to B, in 16.16
}

func newYCbCrRows(base imageRows, m *image.YCbCr, alpha []byte, aStride int, videoRange bool) *ycbcrRows {
	r := &ycbcrRows{imageRows: base, m: m, alpha: alpha, aStride: aStride}
	chroma, offset, gain := 1.0, 0.0, 1.0
	if videoRange {
		chroma, offset, gain = 255.0/224, 16, 255.0/219
	}
	for y := range r.luma {
		r.luma[y] = int32((float64(y) - offset) * gain * 65536)
	}
	for i, f := range [4]float64{1.402, -0.344136, -0.714136, 1.772} {
		r.scale[i] = int32(f * chroma * 65536)
	}
	return r
}

func (r *ycbcrRows) Opaque() bool { return r.alpha == nil }

func (r *ycbcrRows) Row(y, x0, x1 int, dst []uint16) error {
	m := r.m
	minX, minY := m.Rect.Min.X, m.Rect.Min.Y
	for x := x0; x < x1; x++ {
		ci := m.COffset(minX+x, minY+y)
		l := r.luma[m.Y[m.YOffset(minX+x, minY+y)]]
		cb, cr := int32(m.Cb[ci])-128, int32(m.Cr[ci])-128
		dst[0] = clamp16(l + r.scale[0]*cr)
		dst[1] = clamp16(l + r.scale[1]*cb + r.scale[2]*cr)
		dst[2] = clamp16(l + r.scale[3]*cb)
		dst[3] = 0xffff
		if r.alpha != nil {
			dst[3] = uint16(r.alpha[y*r.aStride+x]) * 0x101
		}
		dst = dst[4:]
	}
	return nil
}

// clamp16 turns an 8-bit sample in 16.16 into 16 bits.
func clamp16(v int32) uint16 {
	v = min(max(v, 0), 255<<16)
	return uint16(int64(v) * 0x101 >> 16)
}
