package jpeg

import "encoding/binary"

// The forward transform (T.81 section A.3.3), with the constants of the inverse one.
// It works on columns x and x+4 at once, and then on rows u and u+4; see [pair].

// coefs are the coefficients of a block in natural order: i in the lower half of word i, and i+32 in the upper half. They are those of the
// standard times 1<<coefBits.
type coefs [32]int64

const coefBits = 3 + pointBits + passBits

// transformColumns transforms the columns of 8x8 samples. Word 4*u+x of mid is frequency u of columns x and x+4.
func transformColumns(mid *[32]int64, pix []byte, stride int) {
	var rows [8]uint64
	for y := range rows {
		rows[y] = binary.LittleEndian.Uint64(pix[y*stride:])
	}
	for x := range 4 {
		m := mid[x : x+29 : x+29]
		p0, p1, p2, p3 := int64(rows[0]&(255*pair)), int64(rows[1]&(255*pair)), int64(rows[2]&(255*pair)), int64(rows[3]&(255*pair))
		p4, p5, p6, p7 := int64(rows[4]&(255*pair)), int64(rows[5]&(255*pair)), int64(rows[6]&(255*pair)), int64(rows[7]&(255*pair))
		for y := range rows {
			rows[y] >>= 8
		}
		s0, s1, s2, s3 := p0+p7, p1+p6, p2+p5, p3+p4
		m[0], m[16] = (s0+s1+s2+s3-8*128*pair)<<pointBits, (s0-s1-s2+s3)<<pointBits
		f2, f6 := evenPair(s0-s3, s1-s2)
		m[8], m[24] = f2+round1*pair, f6+round1*pair
		f1, f3, f5, f7 := odd(p0-p7, p1-p6, p2-p5, p3-p4)
		m[4], m[12], m[20], m[28] = f1+round1*pair, f3+round1*pair, f5+round1*pair, f7+round1*pair
	}
}

// transformRows transforms the rows of transformed columns. It returns which coefficients are larger than what bounds has for them, a bit for each
// in natural order.
func transformRows(c, bounds *coefs, mid *[32]int64) (large uint64) {
	for u := range 4 {
		m, k := (*[4]int64)(mid[4*u:]), (*[4]int64)(mid[4*u+16:])
		out, b := (*[8]int64)(c[8*u:]), (*[8]int64)(bounds[8*u:])
		p0, p4 := exchange(m[0], k[0])
		p1, p5 := exchange(m[1], k[1])
		p2, p6 := exchange(m[2], k[2])
		p3, p7 := exchange(m[3], k[3])
		s0, s1, s2, s3 := p0+p7, p1+p6, p2+p5, p3+p4
		f0, f4 := (s0+s1+s2+s3)<<pointBits, (s0-s1-s2+s3)<<pointBits
		f1, f3, f5, f7 := odd(p0-p7, p1-p6, p2-p5, p3-p4)
		f2, f6 := evenPair(s0-s3, s1-s2)
		out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7] = f0, f1, f2, f3, f4, f5, f6, f7
		flags := beyond(f0, b[0])>>7 | beyond(f1, b[1])>>6 | beyond(f2, b[2])>>5 | beyond(f3, b[3])>>4 |
			beyond(f4, b[4])>>3 | beyond(f5, b[5])>>2 | beyond(f6, b[6])>>1 | beyond(f7, b[7])
		large |= flags >> (24 - 8*u)
	}
	return large
}

// beyond returns the highest bit of each half of v that is less than -b or more than b.
func beyond(v, b int64) uint64 { return uint64((v+b)|(b-v)) & (1 << 31 * pair) }

func evenPair(a, b int64) (f2, f6 int64) { return a*c1of8 + b*c3of8, a*c3of8 - b*c1of8 }
