package jpeg

import (
	"encoding/binary"
	"math/bits"
)

func trailingZeros(v uint64) int { return bits.TrailingZeros64(v) & 63 }

func bitLength(v uint32) uint { return uint(bits.Len32(v)) }

// The forward transform (T.81 section A.3.3), with the constants of the inverse one. It leaves coefficients that are 8 times those of the standard.

// pair is 1 in both halves of a word, each of which holds a number of its own: samples of two columns, four apart. Sums, differences and products
// with a constant are those of both, as long as they fit 32 bits; a negative lower half takes one from the upper.
const pair = 1<<32 + 1

// transformColumns transforms the columns of 8x8 samples, two at once.
func transformColumns(b *block, pix []byte, stride int) {
	var rows [8]uint64
	for y := range rows {
		rows[y] = binary.LittleEndian.Uint64(pix[y*stride:])
	}
	for x := range 4 {
		c := b[x : x+61 : x+61]
		p0, p1, p2, p3 := int64(rows[0]&(255*pair)), int64(rows[1]&(255*pair)), int64(rows[2]&(255*pair)), int64(rows[3]&(255*pair))
		p4, p5, p6, p7 := int64(rows[4]&(255*pair)), int64(rows[5]&(255*pair)), int64(rows[6]&(255*pair)), int64(rows[7]&(255*pair))
		for y := range rows {
			rows[y] >>= 8
		}
		s0, s1, s2, s3 := p0+p7, p1+p6, p2+p5, p3+p4
		f0, f4 := s0+s1+s2+s3-8*128*pair, s0-s1-s2+s3
		f2, f6 := evenPair(s0-s3, s1-s2)
		f1, f3, f5, f7 := odd(p0-p7, p1-p6, p2-p5, p3-p4)
		c[0], c[4] = lower(f0)<<passBits, upper(f0)<<passBits
		c[8], c[12] = lower(f1+round1*pair)>>descale1, upper(f1+round1*pair)>>descale1
		c[16], c[20] = lower(f2+round1*pair)>>descale1, upper(f2+round1*pair)>>descale1
		c[24], c[28] = lower(f3+round1*pair)>>descale1, upper(f3+round1*pair)>>descale1
		c[32], c[36] = lower(f4)<<passBits, upper(f4)<<passBits
		c[40], c[44] = lower(f5+round1*pair)>>descale1, upper(f5+round1*pair)>>descale1
		c[48], c[52] = lower(f6+round1*pair)>>descale1, upper(f6+round1*pair)>>descale1
		c[56], c[60] = lower(f7+round1*pair)>>descale1, upper(f7+round1*pair)>>descale1
	}
}

func lower(word int64) int32 { return int32(word) }
func upper(word int64) int32 { return int32((word + 1<<31) >> 32) }

// transformRows transforms the rows of a block of transformed columns.
func transformRows(b *block) {
	const last = pointBits + passBits
	const half, halfPass = 1 << (last - 1), 1 << (passBits - 1)
	for y := range 8 {
		r := (*[8]int32)(b[8*y:])
		s0, s1, s2, s3 := r[0]+r[7], r[1]+r[6], r[2]+r[5], r[3]+r[4]
		f2, f6 := evenPair(s0-s3, s1-s2)
		f1, f3, f5, f7 := odd(r[0]-r[7], r[1]-r[6], r[2]-r[5], r[3]-r[4])
		r[0], r[4] = (s0+s1+s2+s3+halfPass)>>passBits, (s0-s1-s2+s3+halfPass)>>passBits
		r[1], r[2], r[3] = (f1+half)>>last, (f2+half)>>last, (f3+half)>>last
		r[5], r[6], r[7] = (f5+half)>>last, (f6+half)>>last, (f7+half)>>last
	}
}

func evenPair[T int32 | int64](a, b T) (f2, f6 T) {
	return a*c1of8 + b*c3of8, a*c3of8 - b*c1of8
}
