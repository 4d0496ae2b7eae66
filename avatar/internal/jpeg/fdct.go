package jpeg

import "math/bits"

func trailingZeros(v uint64) int { return bits.TrailingZeros64(v) & 63 }

func bitLength(v uint32) uint { return uint(bits.Len32(v)) }

// The forward transform (T.81 section A.3.3), with the constants of the inverse one. It leaves coefficients that are 8 times those of the standard.

// transformRow transforms eight samples.
func transformRow(out *[8]int32, in *[8]byte) {
	s0, s1, s2, s3 := int32(in[0])+int32(in[7]), int32(in[1])+int32(in[6]), int32(in[2])+int32(in[5]), int32(in[3])+int32(in[4])
	d0, d1, d2, d3 := int32(in[0])-int32(in[7]), int32(in[1])-int32(in[6]), int32(in[2])-int32(in[5]), int32(in[3])-int32(in[4])
	out[0] = (s0 + s1 + s2 + s3 - 8*128) << passBits
	out[4] = (s0 - s1 - s2 + s3) << passBits
	out[2], out[6] = evenPair(s0-s3, s1-s2, descale1, round1)
	out[1], out[3], out[5], out[7] = oddFour(d0, d1, d2, d3, descale1, round1)
}

// transformColumns transforms the columns of a block of transformed rows.
func transformColumns(b *block) {
	const last = pointBits + passBits
	const half, halfPass = 1 << (last - 1), 1 << (passBits - 1)
	for x := range 8 {
		c := b[x : x+57 : x+57]
		s0, s1, s2, s3 := c[0]+c[56], c[8]+c[48], c[16]+c[40], c[24]+c[32]
		d0, d1, d2, d3 := c[0]-c[56], c[8]-c[48], c[16]-c[40], c[24]-c[32]
		c[0] = (s0 + s1 + s2 + s3 + halfPass) >> passBits
		c[32] = (s0 - s1 - s2 + s3 + halfPass) >> passBits
		c[16], c[48] = evenPair(s0-s3, s1-s2, last, half)
		c[8], c[24], c[40], c[56] = oddFour(d0, d1, d2, d3, last, half)
	}
}

func evenPair(a, b int32, descale uint, half int32) (f2, f6 int32) {
	return (a*c1of8 + b*c3of8 + half) >> descale, (a*c3of8 - b*c1of8 + half) >> descale
}

func oddFour(d0, d1, d2, d3 int32, descale uint, half int32) (f1, f3, f5, f7 int32) {
	z5 := (d0+d1+d2+d3)*oddSum + half
	z1, z2 := (d0+d3)*odd17, (d1+d2)*odd35
	z3, z4 := z5-(d3+d1)*odd37, z5-(d2+d0)*odd15
	return (d0*odd1 - z1 + z4) >> descale, (d1*odd3 - z2 + z3) >> descale,
		(d2*odd5 - z2 + z4) >> descale, (d3*odd7 - z1 + z3) >> descale
}
