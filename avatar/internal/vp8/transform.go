package vp8

import "encoding/binary"

// inverseWHT turns the block of the second order into the first coefficients of the luma blocks, and clears it (section 14.3).
func (f *frame) inverseWHT() {
	in := &f.coeffs[24]
	var m [16]int32
	for i := range 4 {
		a, b := int32(in[i])+int32(in[12+i]), int32(in[4+i])+int32(in[8+i])
		c, d := int32(in[4+i])-int32(in[8+i]), int32(in[i])-int32(in[12+i])
		m[i], m[4+i], m[8+i], m[12+i] = a+b, c+d, a-b, d-c
	}
	for i := range 4 {
		row := m[4*i : 4*i+4 : 4*i+4]
		a, b := row[0]+row[3]+3, row[1]+row[2]
		c, d := row[1]-row[2], row[0]-row[3]+3
		f.coeffs[4*i][0] = int16((a + b) >> 3)
		f.coeffs[4*i+1][0] = int16((c + d) >> 3)
		f.coeffs[4*i+2][0] = int16((a - b) >> 3)
		f.coeffs[4*i+3][0] = int16((d - c) >> 3)
	}
	*in = [16]int16{}
}

// The factors of the inverse transform in 16 bits behind the point (section 14.4): sqrt(2) times the cosine and sine of pi/8.
const (
	cosine = 85627
	sine   = 35468
)

// addBlock adds the inverse transform of a block to the prediction at an offset of the workspace, and clears the block.
func (w *workspace) addBlock(b *[16]int16, at int) {
	var m [16]int32
	for i := range 4 {
		b0, b4, b8, b12 := int32(b[i]), int32(b[4+i]), int32(b[8+i]), int32(b[12+i])
		even, odd := b0+b8, b0-b8
		c := (b4*sine)>>16 - (b12*cosine)>>16
		d := (b4*cosine)>>16 + (b12*sine)>>16
		m[i], m[4+i], m[8+i], m[12+i] = even+d, odd+c, odd-c, even-d
	}
	*b = [16]int16{}
	for i := range 4 {
		row := m[4*i : 4*i+4 : 4*i+4]
		even, odd := row[0]+row[2]+4, row[0]-row[2]+4
		c := (row[1]*sine)>>16 - (row[3]*cosine)>>16
		d := (row[1]*cosine)>>16 + (row[3]*sine)>>16
		px := w[at+i*stride : at+i*stride+4 : at+i*stride+4]
		v0, v1 := int32(px[0])+(even+d)>>3, int32(px[1])+(odd+c)>>3
		v2, v3 := int32(px[2])+(odd-c)>>3, int32(px[3])+(even-d)>>3
		if (v0|v1|v2|v3)&^255 != 0 {
			v0, v1, v2, v3 = clamp(v0), clamp(v1), clamp(v2), clamp(v3)
		}
		binary.LittleEndian.PutUint32(px, uint32(v0)|uint32(v1)<<8|uint32(v2)<<16|uint32(v3)<<24)
	}
}

// addFirst is addBlock for a block with nothing but the first coefficient.
func (w *workspace) addFirst(b *[16]int16, at int) {
	const lanes = 0x0001000100010001
	v := (int32(b[0]) + 4) >> 3
	b[0] = 0
	if v == 0 {
		return
	}
	// What goes beyond 255 either way may as well go there: samples are within.
	add := uint64(max(min(v, 255), -255)+256) * lanes
	for range 4 {
		px := w[at : at+4 : at+4]
		x := uint64(binary.LittleEndian.Uint32(px))
		x = (x | x<<16) & 0x0000ffff0000ffff
		x = (x|x<<8)&0x00ff00ff00ff00ff + add // 256 more than the result, in lanes of 16 bits
		if x&(0x0100*lanes) == 0x0100*lanes && x&(0x0200*lanes) == 0 {
			x &= 0x00ff00ff00ff00ff
		} else {
			for lane := 0; lane < 64; lane += 16 {
				sum := int32(x>>lane&0xffff) - 256
				x = x&^(0xffff<<lane) | uint64(clamp(sum))<<lane
			}
		}
		x = (x | x>>8) & 0x0000ffff0000ffff
		binary.LittleEndian.PutUint32(px, uint32(x|x>>16))
		at += stride
	}
}

func clamp(v int32) int32 {
	if uint32(v) > 255 {
		return ^(v >> 31) & 255
	}
	return v
}
