package vp8

import "encoding/binary"

// predictSubblock predicts 4x4 samples (section 12.3). A to H are the eight samples above, I to L the four left, from top to bottom, and P is the corner.
func (w *workspace) predictSubblock(mode uint8, at int) {
	top := w[at-stride-1 : at-stride+8 : at-stride+8]
	P, A, B, C, D := uint32(top[0]), uint32(top[1]), uint32(top[2]), uint32(top[3]), uint32(top[4])
	I, J, K, L := uint32(w[at-1]), uint32(w[at+stride-1]), uint32(w[at+2*stride-1]), uint32(w[at+3*stride-1])
	var r0, r1, r2, r3 uint32 // the rows
	switch mode {
	case modeDC:
		r0 = (A + B + C + D + I + J + K + L + 4) >> 3 * 0x01010101
		r1, r2, r3 = r0, r0, r0
	case modeTM:
		add := func(left uint32) uint32 {
			v := int32(left) - int32(P)
			return row(uint32(clamp(int32(A)+v)), uint32(clamp(int32(B)+v)), uint32(clamp(int32(C)+v)), uint32(clamp(int32(D)+v)))
		}
		r0, r1, r2, r3 = add(I), add(J), add(K), add(L)
	case modeVE:
		r0 = row(mean3(P, A, B), mean3(A, B, C), mean3(B, C, D), mean3(C, D, uint32(top[5])))
		r1, r2, r3 = r0, r0, r0
	case modeHE:
		r0, r1 = mean3(P, I, J)*0x01010101, mean3(I, J, K)*0x01010101
		r2, r3 = mean3(J, K, L)*0x01010101, mean3(K, L, L)*0x01010101
	case modeRD:
		a, b, c, d := mean3(J, K, L), mean3(I, J, K), mean3(P, I, J), mean3(I, P, A)
		e, f, g := mean3(P, A, B), mean3(A, B, C), mean3(B, C, D)
		r0, r1, r2, r3 = row(d, e, f, g), row(c, d, e, f), row(b, c, d, e), row(a, b, c, d)
	case modeVR:
		a, b, c, d := mean2(P, A), mean2(A, B), mean2(B, C), mean2(C, D)
		e, f, g, h := mean3(I, P, A), mean3(P, A, B), mean3(A, B, C), mean3(B, C, D)
		r0, r1 = row(a, b, c, d), row(e, f, g, h)
		r2, r3 = row(mean3(J, I, P), a, b, c), row(mean3(K, J, I), e, f, g)
	case modeLD:
		E, F, G, H := uint32(top[5]), uint32(top[6]), uint32(top[7]), uint32(top[8])
		a, b, c, d := mean3(A, B, C), mean3(B, C, D), mean3(C, D, E), mean3(D, E, F)
		e, f, g := mean3(E, F, G), mean3(F, G, H), mean3(G, H, H)
		r0, r1, r2, r3 = row(a, b, c, d), row(b, c, d, e), row(c, d, e, f), row(d, e, f, g)
	case modeVL:
		E, F, G, H := uint32(top[5]), uint32(top[6]), uint32(top[7]), uint32(top[8])
		a, b, c, d := mean2(A, B), mean2(B, C), mean2(C, D), mean2(D, E)
		e, f, g, h := mean3(A, B, C), mean3(B, C, D), mean3(C, D, E), mean3(D, E, F)
		r0, r1 = row(a, b, c, d), row(e, f, g, h)
		r2, r3 = row(b, c, d, mean3(E, F, G)), row(f, g, h, mean3(F, G, H))
	case modeHD:
		a, b, c, d := mean2(P, I), mean3(I, P, A), mean3(P, A, B), mean3(A, B, C)
		e, f, g, h := mean2(I, J), mean3(J, I, P), mean2(J, K), mean3(K, J, I)
		r0, r1, r2, r3 = row(a, b, c, d), row(e, f, a, b), row(g, h, e, f), row(mean2(K, L), mean3(L, K, J), g, h)
	case modeHU:
		a, b, c, d := mean2(I, J), mean3(I, J, K), mean2(J, K), mean3(J, K, L)
		e, f := mean2(K, L), mean3(K, L, L)
		r0, r1, r2, r3 = row(a, b, c, d), row(c, d, e, f), row(e, f, L, L), L*0x01010101
	}
	binary.LittleEndian.PutUint32(w[at:], r0)
	binary.LittleEndian.PutUint32(w[at+stride:], r1)
	binary.LittleEndian.PutUint32(w[at+2*stride:], r2)
	binary.LittleEndian.PutUint32(w[at+3*stride:], r3)
}

func mean2(a, b uint32) uint32 { return (a + b + 1) >> 1 }

func mean3(a, b, c uint32) uint32 { return (a + 2*b + c + 2) >> 2 }

// row packs four samples.
func row(a, b, c, d uint32) uint32 { return a | b<<8 | c<<16 | d<<24 }
