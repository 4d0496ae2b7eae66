package jpeg

import (
	"encoding/binary"
	"math/bits"
)

// Samples are those of one component that [Encode] reads.
type Samples struct {
	Pix           []byte
	Stride        int
	Width, Height int
}

// Encode appends a baseline JPEG to dst and returns it: JFIF and the tables of T.81 annex K, and nothing else. Planes are either one of grey, or luma and
// two of chroma, full range, which have half the luma's width and height, rounded up. Quality is 1 to 100, as libjpeg established it.
func Encode(dst []byte, planes []Samples, quality int) []byte {
	e := &encoder{w: bitWriter{buf: dst}, planes: planes}
	e.setQuality(quality)
	for i := range e.codes {
		e.codes[i].set(&annexK[i])
	}
	e.header()
	e.scan()
	e.w.close()
	return append(e.w.buf, 0xff, markerEOI)
}

type encoder struct {
	w      bitWriter
	planes []Samples
	quant  [2][64]byte // luma's and chroma's, in zigzag order
	steps  [2]steps    // to divide by them
	codes  [4]codes    // DC and AC of luma, DC and AC of chroma
	last   [3]int32    // the DC before
	mid    [32]int64   // a block between its transforms
	work   coefs
}

// steps divides coefs by quantization steps.
type steps struct {
	halves   coefs // half of each step: what is not larger becomes zero
	divisors [64]divisor
}

type divisor struct{ half, inverse uint32 }

const inverseBits = 24

func (s *steps) set(natural int, step byte) {
	half := int64(step) << (coefBits - 1)
	s.halves[natural&31] += half << (natural & 32)
	s.divisors[natural] = divisor{half: uint32(half), inverse: (1<<inverseBits + uint32(step) - 1) / uint32(step)}
}

// quotient returns coefficient i of c divided and rounded. It is not zero if the coefficient is larger than its half step: the inverse is rounded up.
func (s *steps) quotient(c *coefs, i int) int32 {
	v := int32(c[i&31] >> (i & 32))
	sign := v >> 31
	d := &s.divisors[i&63]
	q := int32(uint64(uint32((v^sign)-sign)+d.half) * uint64(d.inverse) >> (coefBits + inverseBits))
	return (q ^ sign) - sign
}

func (e *encoder) setQuality(quality int) {
	quality = min(max(quality, 1), 100)
	percent := 200 - 2*quality
	if quality < 50 {
		percent = 5000 / quality
	}
	for t := range e.quant {
		for k, natural := range zigzag[:64] {
			q := min(max((int(annexKQuant[t][natural])*percent+50)/100, 1), 255)
			e.quant[t][k] = byte(q)
			e.steps[t].set(int(natural), byte(q))
		}
	}
}

func (e *encoder) segment(marker byte, parts ...[]byte) {
	n := 2
	for _, p := range parts {
		n += len(p)
	}
	e.w.buf = append(e.w.buf, 0xff, marker, byte(n>>8), byte(n))
	for _, p := range parts {
		e.w.buf = append(e.w.buf, p...)
	}
}

func (e *encoder) header() {
	n := len(e.planes)
	tables := 1
	if n > 1 {
		tables = 2
	}
	e.w.buf = append(e.w.buf, 0xff, markerSOI)
	e.segment(markerAPP0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"))
	for t := range tables {
		e.segment(markerDQT, []byte{byte(t)}, e.quant[t][:])
	}
	w, h := e.planes[0].Width, e.planes[0].Height
	frame := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), byte(n)}
	scan := []byte{byte(n)}
	for i := range n {
		sampling, table := byte(0x11), byte(min(i, 1))
		if i == 0 && n > 1 {
			sampling = 0x22
		}
		frame = append(frame, byte(i+1), sampling, table)
		scan = append(scan, byte(i+1), table<<4|table)
	}
	e.segment(markerSOF0, frame)
	for t := range 2 * tables {
		table := &annexK[t]
		e.segment(markerDHT, []byte{byte(t&1<<4 | t>>1)}, table.counts[:], []byte(table.symbols))
	}
	e.segment(markerSOS, scan, []byte{0, 63, 0})
}

// scan writes the blocks, MCU by MCU.
func (e *encoder) scan() {
	w, h := e.planes[0].Width, e.planes[0].Height
	if len(e.planes) == 1 {
		for y := 0; y < h; y += 8 {
			for x := 0; x < w; x += 8 {
				e.block(0, x, y)
			}
		}
		return
	}
	for y := 0; y < h; y += 16 {
		for x := 0; x < w; x += 16 {
			e.block(0, x, y)
			e.block(0, x+8, y)
			e.block(0, x, y+8)
			e.block(0, x+8, y+8)
			e.block(1, x/2, y/2)
			e.block(2, x/2, y/2)
		}
	}
}

// block writes the block of a plane that has its upper left corner at (x, y). Beyond the plane its last samples are repeated.
func (e *encoder) block(plane, x, y int) {
	p := &e.planes[plane]
	if x+8 <= p.Width && y+8 <= p.Height {
		transformColumns(&e.mid, p.Pix[y*p.Stride+x:], p.Stride)
	} else {
		var edge [64]byte
		for i := range edge {
			edge[i] = p.Pix[min(y+i/8, p.Height-1)*p.Stride+min(x+i%8, p.Width-1)]
		}
		transformColumns(&e.mid, edge[:], 8)
	}
	table := min(plane, 1)
	s := &e.steps[table]
	nonzero := inZigzag(transformRows(&e.work, &s.halves, &e.mid)) &^ 1
	dc := s.quotient(&e.work, 0)
	diff := dc - e.last[plane]
	e.last[plane] = dc
	e.w.block(&e.work, s, diff, nonzero, &e.codes[2*table], &e.codes[2*table+1])
}

// inZigzag puts a bit for each coefficient in natural order into zigzag order.
func inZigzag(natural uint64) uint64 {
	t := &zigzagOfRow
	return t[0][natural&255] | t[1][natural>>8&255] | t[2][natural>>16&255] | t[3][natural>>24&255] |
		t[4][natural>>32&255] | t[5][natural>>40&255] | t[6][natural>>48&255] | t[7][natural>>56]
}

// zigzagOfRow gives for the bits of a row those in zigzag order.
var zigzagOfRow = func() (table [8][256]uint64) {
	for k, natural := range zigzag[:64] {
		for row := range 256 {
			table[natural>>3][row] |= uint64(row>>(natural&7)&1) << k
		}
	}
	return table
}()

// codes are the Huffman codes of a table: the bits in the upper part of a number, how many they are in the lower 5.
type codes struct {
	symbols [256]uint32
	near    [16 * 2 * near]uint32 // with the bits of the value behind them: of a run and a value from -near to near-1
}

const near = 16

func (c *codes) set(t *table) {
	code, i := uint32(0), 0
	for length, count := range t.counts {
		for range count {
			c.symbols[t.symbols[i]] = code<<5 | uint32(length+1)
			code++
			i++
		}
		code <<= 1
	}
	for i := range c.near {
		code, count := c.far(i/(2*near), int32(i%(2*near)-near))
		c.near[i] = code<<5 | uint32(count)
	}
}

// coefficient returns the code of a run of zeros and the size of v, and v behind it, and how many bits they are.
func (c *codes) coefficient(run int, v int32) (code uint32, count uint) {
	if uint32(v+near) < 2*near {
		code = c.near[(run*2*near+int(v+near))&(16*2*near-1)]
		return code >> 5, uint(code & 31)
	}
	return c.far(run, v)
}

// far is coefficient for all values.
func (c *codes) far(run int, v int32) (code uint32, count uint) {
	sign := v >> 31
	size := uint(bits.Len32(uint32((v ^ sign) - sign)))
	code = c.symbols[(run<<4|int(size))&255]
	return code>>5<<(size&31) | uint32(v+sign)&(1<<(size&31)-1), uint(code&31) + size
}

// bitWriter appends bits, and a zero behind each byte of 0xff.
type bitWriter struct {
	buf []byte
	acc uint64 // the last n bits are to be written
	n   uint
}

// word writes 32 bits.
func (w *bitWriter) word(word uint32) {
	const ones, tops = 0x01010101, 0x80808080
	if (^word-ones)&word&tops == 0 { // no byte is 0xff
		w.buf = binary.BigEndian.AppendUint32(w.buf, word)
		return
	}
	for shift := 24; shift >= 0; shift -= 8 {
		w.byte(byte(word >> shift))
	}
}

func (w *bitWriter) byte(b byte) {
	w.buf = append(w.buf, b)
	if b == 0xff {
		w.buf = append(w.buf, 0)
	}
}

// close fills the last byte with ones.
func (w *bitWriter) close() {
	w.acc, w.n = w.acc<<7|0x7f, w.n+7
	for w.n >= 8 {
		w.n -= 8
		w.byte(byte(w.acc >> w.n))
	}
}

// block writes quantized coefficients (sections F.1.2.1 and F.1.2.2). The accumulator is held in local variables. Before a coefficient of at most
// 27 bits it holds less than 32, so that it has room for the end of block as well.
func (w *bitWriter) block(c *coefs, s *steps, diff int32, nonzero uint64, dc, ac *codes) {
	code, count := dc.coefficient(0, diff)
	acc, n := w.acc<<(count&63)|uint64(code), w.n+count
	before := 0
	for ; nonzero != 0; nonzero &= nonzero - 1 {
		k := bits.TrailingZeros64(nonzero) & 63
		run := k - before - 1
		before = k
		for ; run > 15; run -= 16 {
			acc, n = w.shed(acc, n)
			acc, n = acc<<(ac.symbols[0xf0]&31)|uint64(ac.symbols[0xf0]>>5), n+uint(ac.symbols[0xf0]&31)
		}
		acc, n = w.shed(acc, n)
		code, count = ac.coefficient(run, s.quotient(c, int(zigzag[k])))
		acc, n = acc<<(count&63)|uint64(code), n+count
	}
	if before < 63 {
		acc, n = acc<<(ac.symbols[0]&31)|uint64(ac.symbols[0]>>5), n+uint(ac.symbols[0]&31)
	}
	w.acc, w.n = w.shed(acc, n)
}

// shed writes the first 32 of n bits, if they are so many, and returns how many remain.
func (w *bitWriter) shed(acc uint64, n uint) (uint64, uint) {
	if n >= 32 {
		n -= 32
		w.word(uint32(acc >> (n & 31)))
	}
	return acc, n
}
