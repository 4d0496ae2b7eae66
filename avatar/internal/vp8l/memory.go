package vp8l

import "math/bits"

// Memory returns how many bytes the decoding of a picture takes at most, beside half a byte a pixel for what the stream says of its blocks.
func Memory(width, height int) int64 {
	rings := ringSize(width, height) + ringSize(blocks(width, 2), blocks(height, 2)) // of the picture, and of one that serves it
	rows := 8 * (width + 1)
	return int64(4*(rings+rows) + maxCodes(width, height))
}

// ringSize returns how many pixels are kept of a picture: a power of two, and more than a backward reference goes back.
func ringSize(width, height int) int {
	const reach = 1 << 20
	return min(1<<bits.Len(uint(width*height-1)), reach)
}

// maxCodes returns how many bytes the prefix codes of a picture may take. Those of libwebp take less than a tenth; the format has no limit.
func maxCodes(width, height int) int { return min(1<<20+2*width*height, 24<<20) }

// bytes returns what the codes of a group take, or a little more.
func (g *group) bytes() int {
	const fixed, long = 256, 96
	sum := fixed
	for _, c := range []*code{&g.green, &g.red, &g.blue, &g.alpha, &g.distance} {
		sum += 2 * len(c.table)
		if c.long != nil {
			sum += long + 2*len(c.long.symbols)
		}
	}
	return sum
}
