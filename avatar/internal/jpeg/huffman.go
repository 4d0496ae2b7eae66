package jpeg

const (
	valueBits = 10 // look-ahead of huffman.values
	skipBits  = 12 // look-ahead of huffman.skips
)

// huffman is a table of T.81 section C, in the forms that decoding looks it up.
type huffman struct {
	// values gives for the next bits what they begin with: a whole symbol with the bits of its value, if they are that short.
	values [1 << valueBits]entry
	// skips gives for the next bits how many whole symbols of AC coefficients they hold. It is made when first needed.
	skips *[1 << skipBits]skipEntry

	counts  [17]int32 // codes of each length
	symbols [256]byte // in the order of their codes

	built, skipping bool // which of the look-ups are there
}

// entry is a result of huffman.values. Zero means that the code is longer than valueBits, or none.
//
//	bits  0 to 5   length of code and value
//	bit   6        set when the value is missing: it follows the code
//	bits  8 to 11  size of the value in bits
//	bits 12 to 15  run: zero coefficients before it
//	bits 16 to 31  value, signed
type entry uint32

const noValue entry = 1 << 6

func (e entry) length() uint { return uint(e & 63) }
func (e entry) size() uint   { return uint(e>>8) & 15 }
func (e entry) run() int     { return int(e>>12) & 15 }
func (e entry) value() int32 { return int32(e) >> 16 }

// endsBlock says that the symbol is no coefficient and no run of 16 zeros.
func (e entry) endsBlock() bool { return e&0x0f00 == 0 && e&0xf000 != 0xf000 }

// skipEntry is a result of huffman.skips.
//
//	bits 0 to 3   length of all symbols
//	bit  7        set when an end of block is the last of them
//	bits 8 to 15  coefficients that they pass over; 63 when not one whole symbol fits
type skipEntry uint16

const endOfBlock skipEntry = 1 << 7

// define sets the codes: the number of each length, and the symbols in their order. The look-ups are made by build, so that a table that no scan
// uses costs nothing.
func (h *huffman) define(counts [17]int32, symbols []byte) error {
	code := int32(0)
	for length := 1; length <= 16; length++ {
		code += counts[length]
		if code > 1<<length {
			return FormatError("a Huffman table has too many codes")
		}
		code <<= 1
	}
	h.counts = counts
	copy(h.symbols[:], symbols)
	h.built, h.skipping = false, false
	return nil
}

// build makes the look-ups that a scan needs.
func (h *huffman) build(skips bool) {
	if !h.built {
		clear(h.values[:])
		code, i := uint32(0), 0
		for length := uint(1); length <= valueBits; length++ {
			for range h.counts[length] {
				h.expand(code, length, h.symbols[i])
				code++
				i++
			}
			code <<= 1
		}
		h.built = true
	}
	if skips && !h.skipping {
		h.makeSkips()
		h.skipping = true
	}
}

// expand enters a code with all bits that may follow it.
func (h *huffman) expand(code uint32, length uint, symbol byte) {
	size := uint(symbol & 15)
	free := valueBits - length
	for low := uint32(0); low < 1<<free; low++ {
		e := entry(length) | entry(symbol)<<8
		if size <= free {
			value := extend(low>>(free-size), size)
			e = entry(length+size) | entry(symbol)<<8 | entry(uint32(value)<<16)
		} else {
			e |= noValue
		}
		h.values[code<<free|low] = e
	}
}

// long finds the code at the top of acc that is longer than valueBits, and returns it as an entry without value.
func (h *huffman) long(acc uint64) entry {
	code, first, index := int32(0), int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		code |= int32(acc>>(64-uint(length))) & 1
		if code-first < h.counts[length] {
			return entry(length) | noValue | entry(h.symbols[index+code-first])<<8
		}
		index += h.counts[length]
		first = (first + h.counts[length]) << 1
		code <<= 1
	}
	return 0
}

// makeSkips fills skips for a table of AC coefficients, by reading as many symbols as each look-ahead holds.
func (h *huffman) makeSkips() {
	if h.skips == nil {
		h.skips = new([1 << skipBits]skipEntry)
	}
	for i := range h.skips {
		var end skipEntry
		left, passed := uint(skipBits), 0
		for end == 0 {
			e := h.values[uint64(i)<<(64-left)>>(64-valueBits)]
			length := e.length()
			if e&noValue != 0 {
				length += e.size()
			}
			if e == 0 || length > left || passed+e.run()+1 > 63 {
				break
			}
			left -= length
			if e.endsBlock() {
				end = endOfBlock
			} else {
				passed += e.run() + 1
			}
		}
		if left == skipBits {
			passed = 63
		}
		h.skips[i] = end | skipEntry(skipBits-left) | skipEntry(passed)<<8
	}
}
