package vp8l

// opaqueBlack predicts the first pixel, and others where the stream says so.
const opaqueBlack = 0xff000000

// predict adds to a row of differences what the row above and the pixels before predict (section 3.5.1).
func (t *transform) predict(y int, in []uint32) {
	out, above := t.rows[y&1], t.rows[1-y&1]
	out[0] = in[0]
	if y == 0 {
		out[0] = add(in[0], opaqueBlack)
		predictLeft(out[1:t.width], in[1:], out[0])
		copy(in, out)
		return
	}
	out[0] = add(in[0], above[0])
	// Right of the last pixel above is the first of this row.
	above[t.width] = out[0]
	across := blocks(t.width, t.bits)
	modes := t.modes[(y>>t.bits)*across:][:across]
	for i, mode := range modes {
		from, to := max(i<<t.bits, 1), min((i+1)<<t.bits, t.width)
		if from < to {
			predictRun(mode, out[from-1:to], in[from:to], above[from-1:to+1])
		}
	}
	copy(in, out) // what follows changes it, and the next row is predicted from what it was
}

func predictLeft(out, in []uint32, left uint32) {
	for i, px := range in {
		left = add(px, left)
		out[i] = left
	}
}

// predictRun predicts pixels of one mode. Out begins with the one before them, and above with the one above that.
func predictRun(mode byte, out, in, above []uint32) {
	left := out[0]
	out = out[1:][:len(in)]
	corner, top, right := above[:len(in)], above[1:][:len(in)], above[2:][:len(in)]
	switch mode {
	case 1:
		predictLeft(out, in, left)
	case 2:
		for i, px := range in {
			out[i] = add(px, top[i])
		}
	case 3:
		for i, px := range in {
			out[i] = add(px, right[i])
		}
	case 4:
		for i, px := range in {
			out[i] = add(px, corner[i])
		}
	case 5:
		for i, px := range in {
			left = add(px, mean(mean(left, right[i]), top[i]))
			out[i] = left
		}
	case 6:
		for i, px := range in {
			left = add(px, mean(left, corner[i]))
			out[i] = left
		}
	case 7:
		for i, px := range in {
			left = add(px, mean(left, top[i]))
			out[i] = left
		}
	case 8:
		for i, px := range in {
			out[i] = add(px, mean(corner[i], top[i]))
		}
	case 9:
		for i, px := range in {
			out[i] = add(px, mean(top[i], right[i]))
		}
	case 10:
		for i, px := range in {
			left = add(px, mean(mean(left, corner[i]), mean(top[i], right[i])))
			out[i] = left
		}
	case 11:
		for i, px := range in {
			left = add(px, nearer(left, top[i], corner[i]))
			out[i] = left
		}
	case 12:
		for i, px := range in {
			left = add(px, gradient(left, top[i], corner[i]))
			out[i] = left
		}
	case 13:
		for i, px := range in {
			left = add(px, halfGradient(mean(left, top[i]), corner[i]))
			out[i] = left
		}
	default: // 0, and the two that mean nothing, which libwebp takes for it
		for i, px := range in {
			out[i] = add(px, opaqueBlack)
		}
	}
}

// mean returns the mean of the parts of pixels, rounded down.
func mean(a, b uint32) uint32 { return (a^b)&0xfefefefe>>1 + a&b }

// nearer returns left or top, whichever is nearer to left + top - corner in all parts together.
func nearer(left, top, corner uint32) uint32 {
	toLeft := apart(top, corner, 24) + apart(top, corner, 16) + apart(top, corner, 8) + apart(top, corner, 0)
	toTop := apart(left, corner, 24) + apart(left, corner, 16) + apart(left, corner, 8) + apart(left, corner, 0)
	if toLeft < toTop {
		return left
	}
	return top
}

// part returns one of the four parts of a pixel.
func part(px uint32, shift uint) int32 { return int32(px >> shift & 0xff) }

// apart returns how far one part of two pixels is apart.
func apart(a, b uint32, shift uint) int32 {
	d := part(a, shift) - part(b, shift)
	return max(d, -d)
}

// gradient returns left + top - corner, limited.
func gradient(left, top, corner uint32) uint32 {
	at := func(shift uint) uint32 {
		return clamp(part(left, shift)+part(top, shift)-part(corner, shift)) << shift
	}
	return at(24) | at(16) | at(8) | at(0)
}

// halfGradient returns a plus half of its difference to b, limited.
func halfGradient(a, b uint32) uint32 {
	at := func(shift uint) uint32 {
		return clamp(part(a, shift)+(part(a, shift)-part(b, shift))/2) << shift
	}
	return at(24) | at(16) | at(8) | at(0)
}

func clamp(v int32) uint32 {
	if uint32(v) > 255 {
		v = ^(v >> 31) & 255
	}
	return uint32(v)
}
