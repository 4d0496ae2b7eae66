package vp8l

import "context"

// pixels decodes a picture's pixels as they are coded, before the transforms.
type pixels struct {
	*bitReader
	width, height int
	groups        *groups
	cache         []uint32
	cacheShift    uint
	ring          []uint32 // the last pixels, by their number
	mask          int
	row           []uint32
	y             int // the next row
	at            int // the number of the next pixel
	cached        int // those before are in the cache
}

// newPixels reads the codes of a picture (section 3.7.3).
func (r *bitReader) newPixels(ctx context.Context, width, height int, main bool) (*pixels, error) {
	p := &pixels{bitReader: r, width: width, height: height}
	if r.bits(1) == 1 {
		size := uint(r.bits(4))
		if size < 1 || 1<<size > maxCache {
			return nil, errCache
		}
		p.cache, p.cacheShift = make([]uint32, 1<<size), 32-size
	}
	var err error
	if p.groups, err = r.readGroups(ctx, width, height, len(p.cache), main); err != nil {
		return nil, err
	}
	p.ring = make([]uint32, ringSize(width, height))
	p.mask = len(p.ring) - 1
	p.row = make([]uint32, width)
	return p, nil
}

// readPixels reads a picture that serves another, which has only one group of codes.
func (r *bitReader) readPixels(ctx context.Context, width, height int, emit func(y int, row []uint32) error) error {
	p, err := r.newPixels(ctx, width, height, false)
	if err != nil {
		return err
	}
	for y := range height {
		row, err := p.next(ctx)
		if err != nil {
			return err
		}
		if err := emit(y, row); err != nil {
			return err
		}
	}
	return nil
}

// next returns the next row. It is valid until the next call, and may be changed.
func (p *pixels) next(ctx context.Context) ([]uint32, error) {
	if err := p.skip(ctx); err != nil {
		return nil, err
	}
	p.copyOut(p.row, (p.y-1)*p.width)
	return p.row, nil
}

// skip reads the next row.
func (p *pixels) skip(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.y++
	return p.readRow(p.y - 1)
}

// copyOut copies pixels from a number on.
func (p *pixels) copyOut(row []uint32, from int) {
	n := copy(row, p.ring[from&p.mask:])
	for n < len(row) {
		n += copy(row[n:], p.ring)
	}
}

// readRow reads pixels until row y is complete. A backward reference may go on into the next.
func (p *pixels) readRow(y int) error {
	start, end := y*p.width, (y+1)*p.width
	ring, mask := p.ring, p.mask
	for p.at < end {
		g, right := p.groups.at(p.at-start, y, p.width)
		until := start + right
		if g.solid {
			p.fillSolid(g.rest, until)
			continue
		}
		for p.at < until {
			symbol, ok := p.readLiterals(g, until)
			switch {
			case !ok:
			case symbol < literals+lengths:
				length := p.extended(symbol - literals)
				p.need()
				distance := p.distance(p.extended(g.distance.next(p.bitReader)))
				if distance > p.at || length > p.width*p.height-p.at {
					return errReference
				}
				p.repeat(distance, length)
			default:
				p.remember()
				ring[p.at&mask] = p.cache[symbol-literals-lengths]
				p.at++
			}
		}
	}
	p.remember()
	if p.overrun() {
		return ErrTruncated
	}
	return nil
}

// readLiterals reads literal pixels up to a number, or to a symbol of another kind, which it returns. This loop takes most of the time of reading: the reader's state
// is held in local variables.
func (p *pixels) readLiterals(g *group, until int) (symbol uint32, ok bool) {
	r, ring, mask := p.bitReader, p.ring, p.mask
	acc, n, at := r.acc, r.n, p.at
	for at < until {
		if n < refillBelow {
			r.acc, r.n = acc, n
			r.need()
			acc, n = r.acc, r.n
		}
		green := g.green.entry(acc)
		acc >>= green & 15
		n -= uint(green & 15)
		if green>>4 >= literals {
			r.acc, r.n, p.at = acc, n, at
			return uint32(green >> 4), true
		}
		px := g.rest | uint32(green>>4)<<8
		if !g.plain {
			red := g.red.entry(acc)
			acc >>= red & 15
			n -= uint(red & 15)
			if n < 2*maxLength {
				r.acc, r.n = acc, n
				r.need()
				acc, n = r.acc, r.n
			}
			blue := g.blue.entry(acc)
			acc >>= blue & 15
			n -= uint(blue & 15)
			alpha := g.alpha.entry(acc)
			acc >>= alpha & 15
			n -= uint(alpha & 15)
			px = uint32(alpha>>4)<<24 | uint32(red>>4)<<16 | uint32(green>>4)<<8 | uint32(blue>>4)
		}
		ring[at&mask] = px
		at++
	}
	r.acc, r.n, p.at = acc, n, at
	return 0, false
}

// fillSolid puts the same pixel up to a number.
func (p *pixels) fillSolid(px uint32, until int) {
	for p.at < until {
		at := p.at & p.mask
		run := p.ring[at:min(at+until-p.at, len(p.ring))]
		for i := range run {
			run[i] = px
		}
		p.at += len(run)
	}
}

// repeat copies pixels from further back, which may be those that it makes.
func (p *pixels) repeat(distance, length int) {
	from, to := (p.at-distance)&p.mask, p.at&p.mask
	if distance >= length && max(from, to)+length <= len(p.ring) {
		copy(p.ring[to:to+length], p.ring[from:])
		p.at += length
		return
	}
	for range length {
		p.ring[p.at&p.mask] = p.ring[(p.at-distance)&p.mask]
		p.at++
	}
}

// remember puts the pixels so far into the colour cache (section 3.6.2.3).
func (p *pixels) remember() {
	if p.cache != nil {
		for ; p.cached < p.at; p.cached++ {
			px := p.ring[p.cached&p.mask]
			p.cache[px*0x1e35a7bd>>p.cacheShift] = px
		}
	}
}

// extended returns the length or distance of a prefix code and the bits behind it (section 3.6.2.2).
func (p *pixels) extended(symbol uint32) int {
	if symbol < 4 {
		return int(symbol) + 1
	}
	extra := uint(symbol-2) >> 1
	return int((2+symbol&1)<<extra+p.take(extra)) + 1
}

// distance turns a coded distance into one of pixels: small ones stand for places nearby.
func (p *pixels) distance(coded int) int {
	if coded > len(nearby) {
		return coded - len(nearby)
	}
	d := nearby[coded-1]
	return max(int(d.down)*p.width+int(d.left), 1)
}

// nearby holds the places that small distances stand for (section 3.6.2.2.2).
var nearby = [120]struct{ left, down int8 }{
	{0, 1}, {1, 0}, {1, 1}, {-1, 1}, {0, 2}, {2, 0}, {1, 2}, {-1, 2},
	{2, 1}, {-2, 1}, {2, 2}, {-2, 2}, {0, 3}, {3, 0}, {1, 3}, {-1, 3},
	{3, 1}, {-3, 1}, {2, 3}, {-2, 3}, {3, 2}, {-3, 2}, {0, 4}, {4, 0},
	{1, 4}, {-1, 4}, {4, 1}, {-4, 1}, {3, 3}, {-3, 3}, {2, 4}, {-2, 4},
	{4, 2}, {-4, 2}, {0, 5}, {3, 4}, {-3, 4}, {4, 3}, {-4, 3}, {5, 0},
	{1, 5}, {-1, 5}, {5, 1}, {-5, 1}, {2, 5}, {-2, 5}, {5, 2}, {-5, 2},
	{4, 4}, {-4, 4}, {3, 5}, {-3, 5}, {5, 3}, {-5, 3}, {0, 6}, {6, 0},
	{1, 6}, {-1, 6}, {6, 1}, {-6, 1}, {2, 6}, {-2, 6}, {6, 2}, {-6, 2},
	{4, 5}, {-4, 5}, {5, 4}, {-5, 4}, {3, 6}, {-3, 6}, {6, 3}, {-6, 3},
	{0, 7}, {7, 0}, {1, 7}, {-1, 7}, {5, 5}, {-5, 5}, {7, 1}, {-7, 1},
	{4, 6}, {-4, 6}, {6, 4}, {-6, 4}, {2, 7}, {-2, 7}, {7, 2}, {-7, 2},
	{3, 7}, {-3, 7}, {7, 3}, {-7, 3}, {5, 6}, {-5, 6}, {6, 5}, {-6, 5},
	{8, 0}, {4, 7}, {-4, 7}, {7, 4}, {-7, 4}, {8, 1}, {8, 2}, {6, 6},
	{-6, 6}, {8, 3}, {5, 7}, {-5, 7}, {7, 5}, {-7, 5}, {8, 4}, {6, 7},
	{-6, 7}, {7, 6}, {-7, 6}, {8, 5}, {7, 7}, {-7, 7}, {8, 6}, {8, 7},
}
