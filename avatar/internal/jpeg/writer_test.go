package jpeg_test

import (
	"bytes"
	"math"
	"math/bits"
)

// picture is a JPEG to be written by the tests: coefficients, and how to lay them out. It can do what no encoder at hand does: all samplings,
// restart intervals, any scans.
type picture struct {
	width, height int
	comps         []comp
	restart       int
	scans         []scanSpec // nil: one sequential scan of all components
	progressive   bool
	adobe         int // transform of an Adobe segment, or -1 for none
}

type comp struct {
	h, v         int
	across, down int         // blocks, padded to whole MCUs
	blocks       [][64]int32 // quantized, in zigzag order
}

// scanSpec is a scan: components, spectral selection, successive approximation.
type scanSpec struct {
	comps          []int
	ss, se, ah, al int
}

const quant = 3 // every step of the quantization tables

var natural = [64]int{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

func (p *picture) maxSampling() (h, v int) {
	for _, c := range p.comps {
		h, v = max(h, c.h), max(v, c.v)
	}
	return h, v
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// size is a component's size in samples.
func (p *picture) size(i int) (w, h int) {
	hmax, vmax := p.maxSampling()
	return ceilDiv(p.width*p.comps[i].h, hmax), ceilDiv(p.height*p.comps[i].v, vmax)
}

// fillWith makes the coefficients of the samples that level gives.
func (p *picture) fillWith(level func(comp, x, y int) float64) {
	hmax, vmax := p.maxSampling()
	for i := range p.comps {
		c := &p.comps[i]
		c.across, c.down = ceilDiv(p.width, 8*hmax)*c.h, ceilDiv(p.height, 8*vmax)*c.v
		c.blocks = make([][64]int32, c.across*c.down)
		for b := range c.blocks {
			var samples [64]float64
			for k := range samples {
				samples[k] = level(i, b%c.across*8+k%8, b/c.across*8+k/8) - 128
			}
			for k := range 64 {
				u, v := natural[k]%8, natural[k]/8
				sum := 0.0
				for at, s := range samples {
					sum += s * cosine(u, at%8, 8) * cosine(v, at/8, 8)
				}
				c.blocks[b][k] = int32(math.Round(sum / 8 / quant))
			}
		}
	}
}

// cosine is the factor of frequency u in sample x of n, times the square root of 8 (the transforms are orthonormal when divided by 8).
func cosine(u, x, n int) float64 { return cosines[n][u][x] }

var cosines = func() (table [9][8][8]float64) {
	for _, n := range scales {
		for u := range n {
			for x := range n {
				table[n][u][x] = math.Sqrt2 * math.Cos(float64(2*x+1)*float64(u)*math.Pi/float64(2*n))
				if u == 0 {
					table[n][u][x] = 1
				}
			}
		}
	}
	return table
}()

// plane is component i as the definition of the inverse transform has it, of n samples a side of a block, in floating point.
func (p *picture) plane(i, n int) (samples []float64, w, h int) {
	c := &p.comps[i]
	w, h = p.size(i)
	w, h = ceilDiv(w*n, 8), ceilDiv(h*n, 8)
	samples = make([]float64, w*h)
	for y := range h {
		for x := range w {
			b := &c.blocks[y/n*c.across+x/n]
			sum := 0.0
			for k, at := range natural {
				if u, v := at%8, at/8; u < n && v < n && b[k] != 0 {
					sum += float64(b[k]*quant) * cosine(u, x%n, n) * cosine(v, y%n, n)
				}
			}
			samples[y*w+x] = min(max(sum/8+128, 0), 255)
		}
	}
	return samples, w, h
}

// encode writes the file. All Huffman tables are the same: every symbol has a code of 8 or 9 bits.
func (p *picture) encode() []byte {
	var out bytes.Buffer
	segment := func(marker byte, body ...byte) {
		out.Write([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)})
		out.Write(body)
	}
	out.WriteString("\xff\xd8")
	if p.adobe >= 0 {
		segment(0xee, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), byte(p.adobe))...)
	}
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{quant}, 64)...)...)
	frame := []byte{8, byte(p.height >> 8), byte(p.height), byte(p.width >> 8), byte(p.width), byte(len(p.comps))}
	for i, c := range p.comps {
		frame = append(frame, byte(i+1), byte(c.h<<4|c.v), 0)
	}
	marker := byte(0xc1)
	if p.progressive {
		marker = 0xc2
	}
	segment(marker, frame...)
	for _, class := range []byte{0x00, 0x10} {
		symbols := make([]byte, 256)
		for i := range symbols {
			symbols[i] = byte(i)
		}
		// DC symbols are sizes; image/jpeg wants no others.
		segment(0xc4, append([]byte{class, 0, 0, 0, 0, 0, 0, 0, 254, 2, 0, 0, 0, 0, 0, 0, 0}, symbols...)...)
	}
	if p.restart > 0 {
		segment(0xdd, byte(p.restart>>8), byte(p.restart))
	}
	scans := p.scans
	if scans == nil {
		s := scanSpec{se: 63}
		for i := range p.comps {
			s.comps = append(s.comps, i)
		}
		scans = []scanSpec{s}
	}
	for _, s := range scans {
		head := []byte{byte(len(s.comps))}
		for _, i := range s.comps {
			head = append(head, byte(i+1), 0)
		}
		segment(0xda, append(head, byte(s.ss), byte(s.se), byte(s.ah<<4|s.al))...)
		w := &scanWriter{out: &out, spec: s, progressive: p.progressive}
		p.writeScan(w)
	}
	out.WriteString("\xff\xd9")
	return out.Bytes()
}

func (p *picture) writeScan(w *scanWriter) {
	hmax, vmax := p.maxSampling()
	across, down := ceilDiv(p.width, 8*hmax), ceilDiv(p.height, 8*vmax)
	single := len(w.spec.comps) == 1
	if single {
		cw, ch := p.size(w.spec.comps[0])
		across, down = ceilDiv(cw, 8), ceilDiv(ch, 8)
	}
	for mcu := range across * down {
		if p.restart > 0 && mcu > 0 && mcu%p.restart == 0 {
			w.end()
			w.out.Write([]byte{0xff, byte(0xd0 + (mcu/p.restart-1)%8)})
			w.dc = [4]int32{}
		}
		for _, i := range w.spec.comps {
			c := &p.comps[i]
			h, v := c.h, c.v
			if single {
				h, v = 1, 1
			}
			for by := range v {
				for bx := range h {
					w.block(i, &c.blocks[(mcu/across*v+by)*c.across+mcu%across*h+bx])
				}
			}
		}
	}
	w.end()
}

// scanWriter writes the entropy-coded data of a scan.
type scanWriter struct {
	out         *bytes.Buffer
	spec        scanSpec
	progressive bool
	dc          [4]int32
	run         int   // blocks that end here (EOBRUN)
	pending     []int // correction bits of those blocks
	acc, n      uint
}

func (w *scanWriter) put(v, count int) {
	for i := count - 1; i >= 0; i-- {
		w.acc = w.acc<<1 | uint(v>>i&1)
		if w.n++; w.n == 8 {
			w.out.WriteByte(byte(w.acc))
			if byte(w.acc) == 0xff {
				w.out.WriteByte(0)
			}
			w.acc, w.n = 0, 0
		}
	}
}

func (w *scanWriter) symbol(s int) {
	if s < 254 {
		w.put(s, 8)
	} else {
		w.put(254<<1+s-254, 9)
	}
}

func size(v int32) int { return bits.Len32(uint32(max(v, -v))) }

func (w *scanWriter) value(v int32) {
	if v < 0 {
		v--
	}
	w.put(int(v), size(max(v, -v-1)))
}

// flush writes the run of ended blocks.
func (w *scanWriter) flush() {
	if w.run == 0 {
		return
	}
	n := bits.Len(uint(w.run)) - 1
	w.symbol(n << 4)
	w.put(w.run, n)
	w.corrections(w.pending)
	w.run, w.pending = 0, nil
}

func (w *scanWriter) corrections(bits []int) {
	for _, b := range bits {
		w.put(b, 1)
	}
}

func (w *scanWriter) end() {
	w.flush()
	for w.n != 0 {
		w.put(1, 1)
	}
}

func (w *scanWriter) block(comp int, b *[64]int32) {
	s := w.spec
	if s.ss == 0 && s.ah > 0 {
		w.put(int(b[0]>>s.al), 1)
		return
	}
	if s.ss == 0 {
		v := b[0] >> s.al
		d := v - w.dc[comp]
		w.dc[comp] = v
		w.symbol(size(d))
		w.value(d)
	}
	switch {
	case s.ah > 0:
		w.refine(b)
	case s.se > 0:
		w.first(b, max(s.ss, 1))
	}
}

// shifted is the value as a scan with point transform al has it: the magnitude shifted.
func shifted(v int32, al int) int32 {
	if v < 0 {
		return -(-v >> al)
	}
	return v >> al
}

func (w *scanWriter) first(b *[64]int32, from int) {
	zeros := 0
	for k := from; k <= w.spec.se; k++ {
		v := shifted(b[k], w.spec.al)
		if v == 0 {
			zeros++
			continue
		}
		w.flush()
		for ; zeros > 15; zeros -= 16 {
			w.symbol(0xf0)
		}
		w.symbol(zeros<<4 | size(v))
		w.value(v)
		zeros = 0
	}
	if zeros > 0 {
		if w.run++; !w.progressive || w.run == 0x7fff {
			w.flush()
		}
	}
}

func (w *scanWriter) refine(b *[64]int32) {
	last := 0 // the last coefficient that becomes other than zero
	for k := w.spec.ss; k <= w.spec.se; k++ {
		if v := shifted(b[k], w.spec.al); v == 1 || v == -1 {
			last = k
		}
	}
	zeros := 0
	var corrections []int
	for k := w.spec.ss; k <= w.spec.se; k++ {
		v := shifted(b[k], w.spec.al)
		if v == 0 {
			zeros++
			continue
		}
		for ; zeros > 15 && k <= last; zeros -= 16 {
			w.flush()
			w.symbol(0xf0)
			w.corrections(corrections)
			corrections = nil
		}
		if v > 1 || v < -1 {
			corrections = append(corrections, int(max(v, -v)&1))
			continue
		}
		w.flush()
		w.symbol(zeros<<4 | 1)
		w.put(int(v+1)/2, 1)
		w.corrections(corrections)
		corrections, zeros = nil, 0
	}
	if zeros > 0 || corrections != nil {
		w.run++
		w.pending = append(w.pending, corrections...)
		if w.run == 0x7fff {
			w.flush()
		}
	}
}
