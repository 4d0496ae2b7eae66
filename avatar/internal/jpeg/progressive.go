package jpeg

import (
	"context"
	"encoding/binary"
	"math/bits"
)

// store holds the coefficients of one component between scans: of each block those that the scale needs, not dequantized, and for all
// others only whether they are zero, which is what reading a refinement depends on.
type store struct {
	across, down int      // blocks
	coefs        []int16  // kept coefficients a block, in zigzag order
	nonzero      []uint64 // a bit for each coefficient of a block, in zigzag order
	kept         int
	slots        [64]uint8 // where a coefficient is kept, by its zigzag index
	mask         uint64    // which are kept
}

// maxVisits bounds how often a file may make the decoder visit its blocks: for each block of the frame, this many times. Writers use ten
// scans or so; a hostile file could name thousands of a few bytes each.
const maxVisits = 128

// scanCost is what a scan costs beside its blocks, in blocks.
const scanCost = 64

func newStore(d *Decoder, component int, p *plane) *store {
	c := d.comps[component]
	across, down := d.frameMCUs()
	s := &store{across: across * c.h, down: down * c.v}
	for k := range s.slots {
		if at := int(zigzag[k]); at&7 < p.size && at>>3 < p.size {
			s.slots[k] = uint8(s.kept)
			s.mask |= 1 << k
			s.kept++
		}
	}
	s.coefs = make([]int16, s.across*s.down*s.kept)
	s.nonzero = make([]uint64, s.across*s.down)
	return s
}

// decodeScans collects the scans of a progressive picture, or of a sequential one with several scans, and then transforms.
func (d *Decoder) decodeScans(ctx context.Context, s *scan, out *output) error {
	r := &scanReader{d: d, stores: make([]*store, len(d.comps))}
	blocks := 0
	for i := range r.stores {
		r.stores[i] = newStore(d, i, &out.planes[i])
		blocks += len(r.stores[i].nonzero)
	}
	visits := (blocks + scanCost) * maxVisits
	var seen [4]bool
	for s != nil {
		across, down := d.mcus(s)
		if visits -= across*down*len(s.comps) + scanCost; visits < 0 {
			return FormatError("too many scans")
		}
		for _, c := range s.comps {
			seen[c.index] = true
		}
		if err := r.read(ctx, s, across, down); err != nil {
			return err
		}
		var err error
		if s, err = d.nextScan(); err != nil {
			return err
		}
	}
	for i, st := range r.stores {
		if !seen[i] {
			r.total += len(st.nonzero)
		}
	}
	if err := out.render(ctx, r.stores); err != nil {
		return err
	}
	if err := d.damage(r.good, r.total); err != nil {
		return err
	}
	if d.Progressive && d.at >= len(d.data) && !d.endsWell() {
		return &DamageError{Good: r.good, Blocks: r.total, Truncated: true}
	}
	return nil
}

// endsWell says that the file has an end marker: without one, scans may be missing.
func (d *Decoder) endsWell() bool {
	n := len(d.data)
	return n >= 2 && d.data[n-2] == 0xff && d.data[n-1] == markerEOI
}

// scanReader reads one scan after the other into the stores.
type scanReader struct {
	d           *Decoder
	stores      []*store
	good, total int // MCUs with data, and all

	*scan
	prediction [4]int32
	endRun     int // blocks whose band ends at once, section G.1.2.2
	scratch    block
	unit       [64]int32 // a quantization table that changes nothing
}

// read reads the data of a scan with so many MCUs, and leaves d.at behind it.
func (r *scanReader) read(ctx context.Context, s *scan, across, down int) error {
	r.scan = s
	for i := range r.unit {
		r.unit[i] = 1
	}
	for _, c := range s.comps {
		if s.ss == 0 && s.ah == 0 {
			c.dc.build(false)
		}
		if s.se > 0 {
			c.ac.build(!r.d.Progressive)
		}
	}
	runs := r.d.startIntervals(r.d.at)
	r.restart()
	for my := range down {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for mx := 0; mx < across; mx++ {
			if r.endRun > 0 && runs.left < 0 {
				ended := r.ended(mx, my, across)
				r.good += ended
				r.total += ended
				if mx += ended; mx == across {
					break
				}
			}
			fresh, ok := runs.step()
			if fresh {
				r.restart()
			}
			r.total++
			if !ok {
				continue
			}
			if r.mcu(mx, my) {
				r.good++
			} else {
				runs.fail()
				r.restart()
			}
		}
	}
	r.d.at = runs.end()
	return nil
}

// ended passes over the blocks of a row, from mx on, whose bands have ended and of which there is nothing to read. It returns how many they are.
func (r *scanReader) ended(mx, my, across int) int {
	most := min(r.endRun, across-mx)
	n := most
	if r.ah > 0 {
		st := r.stores[r.comps[0].index]
		band := r.band()
		n = 0
		for _, nonzero := range st.nonzero[my*st.across+mx:][:most] {
			if nonzero&band != 0 {
				break
			}
			n++
		}
	}
	r.endRun -= n
	return n
}

// band returns the coefficients of the scan, a bit for each.
func (r *scanReader) band() uint64 { return ^uint64(0) >> (63 - r.se) &^ (1<<r.ss - 1) }

func (r *scanReader) restart() {
	r.prediction, r.endRun = [4]int32{}, 0
}

func (r *scanReader) mcu(mx, my int) bool {
	if len(r.comps) == 1 {
		st := r.stores[r.comps[0].index]
		return r.block(0, st, my*st.across+mx) && !r.d.bits.overrun()
	}
	for i, c := range r.comps {
		st, comp := r.stores[c.index], &r.d.comps[c.index]
		for by := range comp.v {
			for bx := range comp.h {
				if !r.block(i, st, (my*comp.v+by)*st.across+mx*comp.h+bx) {
					return false
				}
			}
		}
	}
	return !r.d.bits.overrun()
}

// block reads what the scan has of one block: component i of the scan, block at of the store.
func (r *scanReader) block(i int, st *store, at int) bool {
	switch {
	case !r.d.Progressive:
		return r.whole(i, st, at)
	case r.ss == 0 && r.ah == 0:
		diff, ok := r.d.bits.diff(r.comps[i].dc)
		r.prediction[i] += diff
		st.coefs[at*st.kept] = int16(r.prediction[i] << r.al)
		return ok
	case r.ss == 0:
		st.coefs[at*st.kept] |= int16(r.d.bits.bits(1) << r.al)
		return true
	case r.ah == 0:
		return r.first(r.comps[i].ac, st, at)
	}
	return r.refine(r.comps[i].ac, st, at)
}

// whole reads a block of a sequential scan.
func (r *scanReader) whole(i int, st *store, at int) bool {
	last := 63 - bits.LeadingZeros64(st.mask)
	diff, _, ok := r.d.bits.block(r.comps[i].dc, r.comps[i].ac, &r.unit, last, &r.scratch)
	if !ok {
		r.scratch = block{}
		return false
	}
	r.prediction[i] += diff
	r.scratch[0] = r.prediction[i]
	nonzero := uint64(0)
	for left := st.mask; left != 0; left &= left - 1 {
		k := bits.TrailingZeros64(left)
		if v := r.scratch[zigzag[k]]; v != 0 {
			nonzero |= 1 << k
			st.coefs[at*st.kept+int(st.slots[k])] = int16(v)
		}
	}
	st.nonzero[at] = nonzero
	r.scratch = block{}
	return true
}

// Both of the following hold the reader's state in local variables, as block does: scans of AC coefficients take most of the time.

// first reads the first scan of a band of AC coefficients, section G.1.2.2.
func (r *scanReader) first(h *huffman, st *store, at int) bool {
	if r.endRun > 0 {
		r.endRun--
		return true
	}
	in := &r.d.bits
	acc, n, pos, buf := in.acc, in.n, in.pos, in.buf
	nonzero, mask := st.nonzero[at], st.mask
	coefs := st.coefs[at*st.kept:][:st.kept]
	for k := r.ss; k <= r.se; k++ {
		if n < 32 {
			acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
			pos += int((63 - n) >> 3)
			n |= 56
		}
		e := h.values[acc>>(64-valueBits)]
		if e == 0 {
			if e = h.long(acc); e == 0 {
				return false
			}
		}
		acc <<= e & 63
		n -= uint(e & 63)
		run, size := e.run(), e.size()
		if size == 0 {
			if run < 15 {
				r.endRun = 1<<run - 1 + int(acc>>1>>(63-run))
				acc <<= run
				n -= uint(run)
				break
			}
			k += 15
			continue
		}
		value := e.value()
		if e&noValue != 0 {
			value = extend(uint32(acc>>((64-size)&63)), size)
			acc <<= size
			n -= size
		}
		if k += run; k > r.se {
			return false
		}
		nonzero |= 1 << k
		if mask>>k&1 != 0 {
			coefs[st.slots[k]] = int16(value << r.al)
		}
	}
	in.acc, in.n, in.pos = acc, n, pos
	st.nonzero[at] = nonzero
	return true
}

// refine reads a later scan of a band, section G.1.2.3: one more bit for each coefficient that is not zero, and those that stop being zero.
func (r *scanReader) refine(h *huffman, st *store, at int) bool {
	in := &r.d.bits
	acc, n, pos, buf := in.acc, in.n, in.pos, in.buf
	nonzero := st.nonzero[at]
	rest := r.band() // from the next coefficient to the band's end
	for rest != 0 {
		next, value := uint64(0), int16(0) // the bit of the coefficient that stops being zero, and what it becomes
		if r.endRun == 0 {
			if n < 32 {
				acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
				pos += int((63 - n) >> 3)
				n |= 56
			}
			e := h.values[acc>>(64-valueBits)]
			if e == 0 {
				if e = h.long(acc); e == 0 {
					return false
				}
			}
			run, size := e.run(), e.size()
			// The value's bit, if any, may or may not be in the look-up; it is read here.
			length := e.length()
			if e&noValue == 0 {
				length -= size
			}
			acc <<= length & 63
			n -= length
			switch {
			case size == 1:
				value = int16(acc>>63<<1) - 1
				acc <<= 1
				n--
			case size > 1:
				return false
			case run < 15:
				r.endRun = 1<<run + int(acc>>1>>(63-run))
				acc <<= run
				n -= uint(run)
			}
			if r.endRun == 0 {
				zeros := rest &^ nonzero
				for ; run > 0; run-- {
					zeros &= zeros - 1
				}
				next = zeros & -zeros
			}
		}
		// What lies before it, or to the band's end without one, is corrected.
		correct := rest & nonzero & (next - 1)
		rest &^= next<<1 - 1
		if correct != 0 {
			count := uint(bits.OnesCount64(correct))
			word := acc // the corrections, the first at the top
			if n < count {
				acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
				pos += int((63 - n) >> 3)
				n |= 56
				word = acc
				if n < count {
					acc <<= 32
					n -= 32
					acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
					pos += int((63 - n) >> 3)
					n |= 56
					word = word>>32<<32 | acc>>32
					acc <<= (count - 32) & 63
					n -= count - 32
					count = 0
				}
			}
			acc <<= count & 63
			n -= count
			r.correct(st, at, correct, word)
		}
		if value != 0 {
			nonzero |= next
			if next&st.mask != 0 {
				st.coefs[at*st.kept+int(st.slots[bits.TrailingZeros64(next)&63])] = value << r.al
			}
		}
	}
	if r.endRun > 0 {
		r.endRun--
	}
	in.acc, in.n, in.pos = acc, n, pos
	st.nonzero[at] = nonzero
	return true
}

// correct adds the bits of word, from the top, to the coefficients of which, as far as they are kept.
func (r *scanReader) correct(st *store, at int, which, word uint64) {
	for left := which & st.mask; left != 0; left &= left - 1 {
		bit := left & -left
		before := bits.OnesCount64(which & (bit - 1))
		if word<<before>>63 == 0 {
			continue
		}
		c := &st.coefs[at*st.kept+int(st.slots[bits.TrailingZeros64(bit)&63])]
		if *c >= 0 {
			*c += 1 << r.al
		} else {
			*c -= 1 << r.al
		}
	}
}

// render transforms the wanted blocks of the stores and delivers them.
func (o *output) render(ctx context.Context, stores []*store) error {
	for my := o.top; my < o.bottom; my++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for i, st := range stores {
			p, v := &o.planes[i], o.d.comps[i].v
			for by := range v {
				for bx := p.left; bx < p.right; bx++ {
					o.transform(p, bx, by, o.gather(p, st, (my*v+by)*st.across+bx))
				}
			}
		}
		if err := o.flush(my); err != nil {
			return err
		}
	}
	return nil
}

// gather dequantizes a block of a store into scratch.
func (o *output) gather(p *plane, st *store, at int) (wrote int) {
	coefs := st.coefs[at*st.kept:][:st.kept]
	o.scratch[0] = int32(coefs[0]) * p.quant[0]
	for left := st.nonzero[at] & st.mask &^ 1; left != 0; left &= left - 1 {
		wrote = bits.TrailingZeros64(left)
		o.scratch[zigzag[wrote]] = int32(coefs[st.slots[wrote]]) * p.quant[wrote]
	}
	return wrote
}
