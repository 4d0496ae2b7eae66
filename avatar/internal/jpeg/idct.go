package jpeg

// Inverse discrete cosine transforms (T.81 section A.3.3) of 8, 6, 4, 3, 2 and 1 points a side. All take the upper left coefficients of a block and
// write samples of the same mean and contrast: the smaller ones write what an ideal low-pass filter leaves of the block, at the
// centres of the smaller picture's samples.
//
// With each frequency but the first scaled by the square root of 2, a sample of the two-dimensional transform is the plain sum over 8, whatever
// the number of points; so the constants below are cosines times that root. They have 13 bits behind the point. The first pass of a transform
// leaves 2 bits more than the samples need. What a valid file holds fits 32 bits; what does not makes wrong samples and no other harm.

const (
	pointBits = 13 // behind the point in the constants
	passBits  = 2  // behind the point after the first pass

	descale1 = pointBits - passBits
	descale2 = pointBits + passBits + 3
	round1   = 1 << (descale1 - 1)
	round2   = 1<<(descale2-1) + 128<<descale2 // samples are coded around 128
)

// The root of 2 times the cosine of so many sixths, eighths, twelfths or sixteenths of a half turn, and what the butterflies of Loeffler, Ligtenberg and Moschytz
// ("Practical fast 1-D DCT algorithms with 11 multiplications", 1989) make of the latter.
const (
	c1of6 = 10033 // 1.224745
	c2of6 = 5793  // 0.707107

	c5of12 = 2998 // 0.366025; that of one twelfth is 1 more, that of three is 1

	c1of8 = 10703 // 1.306563
	c3of8 = 4433  // 0.541196

	c1of16 = 11363 // 1.387040
	c3of16 = 9633  // 1.175876
	c5of16 = 6436  // 0.785695
	c7of16 = 2260  // 0.275899

	oddSum = c3of16
	odd7   = 2446  // 0.298631
	odd5   = 16819 // 2.053120
	odd3   = 25172 // 3.072711
	odd1   = 12299 // 1.501321
	odd17  = 7373  // 0.899976
	odd35  = 20995 // 2.562915
	odd37  = 16069 // 1.961571
	odd15  = 3196  // 0.390181
)

// clamp limits a sample to a byte.
func clamp(v int32) byte {
	if uint32(v) > 255 {
		return byte(^(v >> 31))
	}
	return byte(v)
}

// mean returns the sample of a block that has no other coefficient than the first.
func mean(dc int32) byte { return clamp((dc + 4 + 128<<3) >> 3) }

// idct1 writes the block's mean.
func idct1(b *block, dst []byte) { dst[0] = mean(b[0]) }

// idct2 writes 2x2 samples.
func idct2(b *block, dst []byte, stride int) {
	p, q, r, s := b[0]+4+128<<3, b[1], b[8], b[9]
	top, bottom := dst[:2:2], dst[stride:stride+2:stride+2]
	top[0] = clamp((p + q + r + s) >> 3)
	top[1] = clamp((p - q + r - s) >> 3)
	bottom[0] = clamp((p + q - r - s) >> 3)
	bottom[1] = clamp((p - q - r + s) >> 3)
}

// idct3 writes 3x3 samples. Of the three points the outer two are f0 + f2/√2 ± f1·√(3/2), and the middle one is f0 - f2·√2.
func idct3(b *block, dst []byte, stride int) {
	var mid [9]int32
	for x := range 3 {
		f0, f1, f2 := b[x]<<pointBits+round1, b[8+x]*c1of6, b[16+x]*c2of6
		mid[x] = (f0 + f2 + f1) >> descale1
		mid[3+x] = (f0 - 2*f2) >> descale1
		mid[6+x] = (f0 + f2 - f1) >> descale1
	}
	for y := range 3 {
		m := mid[3*y : 3*y+3 : 3*y+3]
		out := dst[y*stride : y*stride+3 : y*stride+3]
		f0, f1, f2 := m[0]<<pointBits+round2, m[1]*c1of6, m[2]*c2of6
		out[0] = clamp((f0 + f2 + f1) >> descale2)
		out[1] = clamp((f0 - 2*f2) >> descale2)
		out[2] = clamp((f0 + f2 - f1) >> descale2)
	}
}

// idct4 writes 4x4 samples.
func idct4(b *block, dst []byte, stride int) {
	var mid [16]int32
	for x := range 4 {
		f0, f1, f2, f3 := b[x]<<pointBits+round1, b[8+x], b[16+x]<<pointBits, b[24+x]
		o0, o1 := f1*c1of8+f3*c3of8, f1*c3of8-f3*c1of8
		mid[x] = (f0 + f2 + o0) >> descale1
		mid[4+x] = (f0 - f2 + o1) >> descale1
		mid[8+x] = (f0 - f2 - o1) >> descale1
		mid[12+x] = (f0 + f2 - o0) >> descale1
	}
	for y := range 4 {
		m := mid[4*y : 4*y+4 : 4*y+4]
		out := dst[y*stride : y*stride+4 : y*stride+4]
		f0, f2 := m[0]<<pointBits+round2, m[2]<<pointBits
		o0, o1 := m[1]*c1of8+m[3]*c3of8, m[1]*c3of8-m[3]*c1of8
		out[0] = clamp((f0 + f2 + o0) >> descale2)
		out[1] = clamp((f0 - f2 + o1) >> descale2)
		out[2] = clamp((f0 - f2 - o1) >> descale2)
		out[3] = clamp((f0 + f2 - o0) >> descale2)
	}
}

// idct6 writes 6x6 samples.
func idct6(b *block, dst []byte, stride int) {
	var mid [36]int32
	for x := range 6 {
		m := mid[x : x+31 : x+31]
		e0, e1, e2 := even6(b[x], b[16+x], b[32+x], round1)
		o0, o1, o2 := odd6(b[8+x], b[24+x], b[40+x])
		m[0], m[30] = (e0+o0)>>descale1, (e0-o0)>>descale1
		m[6], m[24] = (e1+o1)>>descale1, (e1-o1)>>descale1
		m[12], m[18] = (e2+o2)>>descale1, (e2-o2)>>descale1
	}
	for y := range 6 {
		m := mid[6*y : 6*y+6 : 6*y+6]
		out := dst[y*stride : y*stride+6 : y*stride+6]
		e0, e1, e2 := even6(m[0], m[2], m[4], round2)
		o0, o1, o2 := odd6(m[1], m[3], m[5])
		out[0], out[5] = clamp((e0+o0)>>descale2), clamp((e0-o0)>>descale2)
		out[1], out[4] = clamp((e1+o1)>>descale2), clamp((e1-o1)>>descale2)
		out[2], out[3] = clamp((e2+o2)>>descale2), clamp((e2-o2)>>descale2)
	}
}

// even6 returns the even frequencies' part of the upper three of six points, which is a transform of three.
func even6(f0, f2, f4, round int32) (e0, e1, e2 int32) {
	f0, f2, f4 = f0<<pointBits+round, f2*c1of6, f4*c2of6
	return f0 + f4 + f2, f0 - 2*f4, f0 + f4 - f2
}

// odd6 returns the odd frequencies' part. Their factors in the three points are, with c for c5of12,
//
//	f1: 1+c   1   c
//	f3:   1  -1  -1
//	f5:   c  -1   1+c
func odd6(f1, f3, f5 int32) (o0, o1, o2 int32) {
	z := (f1 + f5) * c5of12
	return z + (f1+f3)<<pointBits, (f1 - f3 - f5) << pointBits, z + (f5-f3)<<pointBits
}

// idct8 writes 8x8 samples of a block whose last coefficient in zigzag order is the one at index wrote, or comes before it. It works on two columns at once,
// and then on two rows; see [pair].
func idct8(b *block, wrote int, dst []byte, stride int) {
	low := wrote <= lastLow
	var mid [4][8]int64 // rows y and 7-y
	for x := 0; x < columnsUpTo(wrote); x += 2 {
		c := (*[58]int32)(b[x:])
		var e0, e1, e2, e3, o0, o1, o2, o3 int64
		if low {
			e0, e1, e2, e3 = evenLow(two(c[0], c[1]), two(c[16], c[17]), round1*pair)
			o0, o1, o2, o3 = oddLow(two(c[8], c[9]), two(c[24], c[25]))
		} else {
			e0, e1, e2, e3 = even(two(c[0], c[1]), two(c[16], c[17]), two(c[32], c[33]), two(c[48], c[49]), round1*pair)
			o0, o1, o2, o3 = odd(two(c[8], c[9]), two(c[24], c[25]), two(c[40], c[41]), two(c[56], c[57]))
		}
		mid[0][x], mid[0][x+1] = exchange(e0+o0, e0-o0)
		mid[1][x], mid[1][x+1] = exchange(e1+o1, e1-o1)
		mid[2][x], mid[2][x+1] = exchange(e2+o2, e2-o2)
		mid[3][x], mid[3][x+1] = exchange(e3+o3, e3-o3)
	}
	for y := range mid {
		m := &mid[y]
		var e0, e1, e2, e3, o0, o1, o2, o3 int64
		if low {
			e0, e1, e2, e3 = evenLow(m[0], m[2], round2*pair)
			o0, o1, o2, o3 = oddLow(m[1], m[3])
		} else {
			e0, e1, e2, e3 = even(m[0], m[2], m[4], m[6], round2*pair)
			o0, o1, o2, o3 = odd(m[1], m[3], m[5], m[7])
		}
		above, below := (*[8]byte)(dst[y*stride:]), (*[8]byte)(dst[(7-y)*stride:])
		above[0], below[0] = samples(e0 + o0)
		above[1], below[1] = samples(e1 + o1)
		above[2], below[2] = samples(e2 + o2)
		above[3], below[3] = samples(e3 + o3)
		above[4], below[4] = samples(e3 - o3)
		above[5], below[5] = samples(e2 - o2)
		above[6], below[6] = samples(e1 - o1)
		above[7], below[7] = samples(e0 - o0)
	}
}

// samples returns the samples that both halves of a word stand for.
func samples(v int64) (lower, upper byte) {
	return clamp(int32(v) >> descale2), clamp(int32(v >> (32 + descale2)))
}

// even returns the even frequencies' part of the upper four of eight points.
func even(f0, f2, f4, f6, round int64) (e0, e1, e2, e3 int64) {
	sum, diff := (f0+f4)<<pointBits+round, (f0-f4)<<pointBits+round
	z := (f2 + f6) * c3of8
	a, b := z+f2*(c1of8-c3of8), z-f6*(c1of8+c3of8)
	return sum + a, diff + b, diff - b, sum - a
}

func evenLow(f0, f2, round int64) (e0, e1, e2, e3 int64) {
	f0 = f0<<pointBits + round
	a, b := f2*c1of8, f2*c3of8
	return f0 + a, f0 + b, f0 - b, f0 - a
}

// odd returns the odd frequencies' part of the upper four of eight points. Its matrix is symmetric: of differences of
// points it makes the odd frequencies.
func odd(f1, f3, f5, f7 int64) (o0, o1, o2, o3 int64) {
	z5 := (f7 + f3 + f5 + f1) * oddSum
	z1, z2 := (f7+f1)*-odd17, (f5+f3)*-odd35
	z3, z4 := z5-(f7+f3)*odd37, z5-(f5+f1)*odd15
	return f1*odd1 + z1 + z4, f3*odd3 + z2 + z3, f5*odd5 + z2 + z4, f7*odd7 + z1 + z3
}

func oddLow(f1, f3 int64) (o0, o1, o2, o3 int64) {
	return f1*c1of16 + f3*c3of16, f1*c3of16 - f3*c7of16, f1*c5of16 - f3*c1of16, f1*c7of16 - f3*c5of16
}
