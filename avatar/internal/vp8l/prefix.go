package vp8l

import "math/bits"

const (
	maxLength = 15 // of a code
	tableBits = 8  // that a table looks up at most
)

// code is a prefix code (section 3.7.2). Entries of the table are a symbol, of 12 bits, above the length of its code.
type code struct {
	table []uint16
	mask  uint64 // of the bits that the table looks up
	long  *longCodes
}

// longer is the entry for codes that are longer than the table looks up. No symbol is that large.
const longer = 0xffff

// longCodes holds the codes that are longer than a table looks up. Codes of one length are consecutive numbers, and smaller, read as fractions, than longer ones.
type longCodes struct {
	limits  [maxLength + 1]uint16 // of 15 bits: the first code that is longer
	offsets [maxLength + 1]int16  // from the number of a code to the index of its symbol
	symbols []uint16
}

// next returns the next symbol. There must be 15 bits.
func (c *code) next(r *bitReader) uint32 {
	e := c.entry(r.acc)
	r.acc >>= e & 15
	r.n -= uint(e & 15)
	return uint32(e >> 4)
}

// entry returns the symbol that bits begin with, above the length of its code.
func (c *code) entry(acc uint64) uint16 {
	if e := c.table[acc&c.mask]; e != longer {
		return e
	}
	return c.long.entry(acc)
}

// Not inlined, so that the entry of a code can be.
//
//go:noinline
func (l *longCodes) entry(acc uint64) uint16 {
	v := bits.Reverse16(uint16(acc)) >> 1
	length := tableBits + 1
	for length < maxLength && v >= l.limits[length] {
		length++
	}
	return l.symbols[int(v>>(maxLength-length))+int(l.offsets[length])]<<4 | uint16(length)
}

// single returns the symbol of a code that has only one, which takes no bits.
func (c *code) single() (symbol uint32, ok bool) { return uint32(c.table[0] >> 4), len(c.table) == 1 }

// newCode returns the code whose symbols have codes of the given lengths, 0 for those that have none. It returns false when these are no complete code.
func newCode(lengths []uint8) (code, bool) {
	var counts [maxLength + 1]int
	for _, n := range lengths {
		counts[n]++
	}
	if counts[0] == len(lengths)-1 {
		for symbol, n := range lengths {
			if n > 0 {
				return oneSymbol(symbol), true
			}
		}
	}
	// Codes of the next length, and what they leave of all numbers of 15 bits.
	var first [maxLength + 1]int
	left, longest, next := 1<<maxLength, 0, 0
	for n := 1; n <= maxLength; n++ {
		next = (next + counts[n-1]*min(n-1, 1)) << 1
		first[n] = next
		left -= counts[n] << (maxLength - n)
		if counts[n] > 0 {
			longest = n
		}
	}
	if left != 0 {
		return code{}, false
	}
	size := min(longest, tableBits)
	c := code{table: make([]uint16, 1<<size), mask: 1<<size - 1}
	if longest > tableBits {
		c.long = newLongCodes(lengths, &counts, &first)
		for i := range c.table {
			c.table[i] = longer
		}
	}
	for symbol, n := range lengths {
		if n == 0 || n > tableBits {
			continue
		}
		at := int(bits.Reverse16(uint16(first[n])) >> (16 - n))
		first[n]++
		for ; at < len(c.table); at += 1 << n {
			c.table[at] = uint16(symbol)<<4 | uint16(n)
		}
	}
	return c, true
}

func newLongCodes(lengths []uint8, counts, first *[maxLength + 1]int) *longCodes {
	l := new(longCodes)
	total := 0
	var at [maxLength + 1]int
	for n := tableBits + 1; n <= maxLength; n++ {
		at[n] = total
		l.limits[n] = uint16((first[n] + counts[n]) << (maxLength - n))
		l.offsets[n] = int16(total - first[n])
		total += counts[n]
	}
	l.symbols = make([]uint16, total)
	for symbol, n := range lengths {
		if n > tableBits {
			l.symbols[at[n]] = uint16(symbol)
			at[n]++
		}
	}
	return l
}

func oneSymbol(symbol int) code { return code{table: []uint16{uint16(symbol) << 4}} }
