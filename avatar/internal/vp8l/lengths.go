package vp8l

// How code lengths are coded (section 3.7.2.1.2): as numbers up to 15, or as repetitions of the last or of zero.
const (
	repeatLast = 16
	repeatZero = 17
	repeatMore = 18
	lengthsMax = 19
)

// lengthsOrder is the order in which the lengths of the code for the lengths come.
var lengthsOrder = [lengthsMax]uint8{17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// readCode reads a prefix code over an alphabet of so many symbols. Scratch has room for as many lengths.
func (r *bitReader) readCode(alphabet int, scratch []uint8) (code, error) {
	lengths := scratch[:alphabet]
	clear(lengths)
	if r.bits(1) == 1 {
		return r.readSimpleCode(lengths)
	}
	var ofLengths [lengthsMax]uint8
	n := int(r.bits(4)) + 4
	if n > lengthsMax {
		return code{}, errCode
	}
	for _, i := range lengthsOrder[:n] {
		ofLengths[i] = uint8(r.bits(3))
	}
	c, ok := newCode(ofLengths[:])
	if !ok {
		return code{}, errCode
	}
	if err := r.readLengths(&c, lengths); err != nil {
		return code{}, err
	}
	if c, ok = newCode(lengths); !ok || r.overrun() {
		return code{}, errCode
	}
	return c, nil
}

// readSimpleCode reads one or two symbols. As libwebp has it, twice the same is one, and one that is not in the alphabet is none.
func (r *bitReader) readSimpleCode(lengths []uint8) (code, error) {
	two, wide := r.bits(1) == 1, r.bits(1) == 1
	size := uint(1)
	if wide {
		size = 8
	}
	symbols := [2]int{int(r.bits(size))}
	symbols[1] = symbols[0]
	if two {
		symbols[1] = int(r.bits(8))
	}
	for _, symbol := range symbols {
		if symbol < len(lengths) {
			lengths[symbol] = 1
		}
	}
	c, ok := newCode(lengths)
	if !ok || r.overrun() {
		return code{}, errCode
	}
	return c, nil
}

func (r *bitReader) readLengths(c *code, lengths []uint8) error {
	most := len(lengths) // how many of the coded numbers follow at most
	if r.bits(1) == 1 {
		size := 2 + 2*uint(r.bits(3))
		most = 2 + int(r.bits(size))
		if most > len(lengths) {
			return errCode
		}
	}
	last := uint8(8) // what is repeated before there was any
	for at := 0; at < len(lengths) && most > 0; most-- {
		r.need()
		v := c.next(r)
		if v < repeatLast {
			lengths[at] = uint8(v)
			at++
			if v != 0 {
				last = uint8(v)
			}
			continue
		}
		again, value := 0, uint8(0)
		switch v {
		case repeatLast:
			again, value = 3+int(r.take(2)), last
		case repeatZero:
			again = 3 + int(r.take(3))
		default:
			again = 11 + int(r.take(7))
		}
		if at+again > len(lengths) {
			return errCode
		}
		for range again {
			lengths[at] = value
			at++
		}
	}
	return nil
}
