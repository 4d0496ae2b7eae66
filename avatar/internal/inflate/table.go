package inflate

import "math/bits"

// entry is a result of a table. Zero means that the code is longer than the look-ahead, or none.
//
//	bits  0 to 3   length of the code, or of both codes
//	bit   5        the end of the block
//	bit   6        one or two literals: bits 8 and 9 are how many, bits 16 to 31 which
//	bits  8 to 11  of a length or distance: the extra bits that follow
//	bits 16 to 31  of a length or distance: what these are added to
type entry uint32

const (
	endOfBlock entry = 1 << 5
	literal    entry = 1 << 6
)

var lengthBase = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}

func mainSymbol(s int) entry {
	switch {
	case s < 256:
		return literal | 1<<8 | entry(s)<<16
	case s == 256:
		return endOfBlock
	case s > 285:
		return 0 // a length of nothing, which is corrupt
	}
	extra := 0
	if s >= 265 && s < 285 {
		extra = (s - 261) / 4
	}
	return entry(extra)<<8 | entry(lengthBase[s-257])<<16
}

func distSymbol(s int) entry {
	switch {
	case s < 4:
		return entry(s+1) << 16
	case s > 29:
		return 0 // a distance of nothing
	}
	extra := s/2 - 1
	return entry(extra)<<8 | entry((2+s&1)<<extra+1)<<16
}

// table looks codes up by the next bits.
type table struct {
	quick   [1 << mainBits]entry
	counts  [maxLength + 1]int
	symbols [288]uint16 // in the order of their codes
	symbol  func(int) entry
}

// build makes the table of the codes of these lengths (section 3.2.2), and says whether they are codes: complete, or a single one.
func (t *table) build(lengths []byte, look uint, symbol func(int) entry, pairs bool) bool {
	t.symbol = symbol
	clear(t.counts[:])
	for _, n := range lengths {
		t.counts[n]++
	}
	used := len(lengths) - t.counts[0]
	t.counts[0] = 0
	var first, place [maxLength + 2]int
	left := 1
	for n := 1; n <= maxLength; n++ {
		left = left<<1 - t.counts[n]
		if left < 0 {
			return false
		}
		first[n+1] = (first[n] + t.counts[n]) << 1
		place[n+1] = place[n] + t.counts[n]
	}
	if left > 0 && !(used == 0 || used == 1 && t.counts[1] == 1) {
		return false
	}
	quick := t.quick[:1<<look]
	clear(quick)
	for s, n := range lengths {
		if n == 0 {
			continue
		}
		code := first[n]
		first[n]++
		t.symbols[place[n]] = uint16(s)
		place[n]++
		if uint(n) > look {
			continue
		}
		e := symbol(s) | entry(n)
		for at := int(bits.Reverse16(uint16(code)) >> (16 - n)); at < len(quick); at += 1 << n {
			quick[at] = e
		}
	}
	if pairs {
		t.pair(quick, look)
	}
	return true
}

// pair joins literals whose codes fit the look-ahead together. From the top, so that what an entry looks at is not joined yet.
func (t *table) pair(quick []entry, look uint) {
	for at := len(quick) - 1; at >= 0; at-- {
		e := quick[at]
		if e&literal == 0 {
			continue
		}
		n := uint(e & 15)
		next := quick[at>>n]
		if next&literal == 0 || next>>8&3 != 1 || n+uint(next&15) > look {
			continue
		}
		quick[at] = literal | 2<<8 | entry(n+uint(next&15)) | e&0xff0000 | next>>16&0xff<<24
	}
}

// long finds the code at the bottom of acc that is longer than the look-ahead.
func (t *table) long(acc uint64) entry {
	code, first, index := 0, 0, 0
	for n := 1; n <= maxLength; n++ {
		code |= int(acc & 1)
		acc >>= 1
		if code-first < t.counts[n] {
			return t.symbol(int(t.symbols[index+code-first])) | entry(n)
		}
		index += t.counts[n]
		first = (first + t.counts[n]) << 1
		code <<= 1
	}
	return 0
}
