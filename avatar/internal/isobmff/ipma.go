package isobmff

import "encoding/binary"

// primary reads the item id of a pitm box (ISO/IEC 14496-12, 8.11.4).
func primary(pitm []byte) uint32 {
	if len(pitm) < fullBox {
		return 0
	}
	id, _, _ := number(pitm[fullBox:], pitm[0] > 0)
	return id
}

// associated returns the properties of an item, counted from 1, in the order of an ipma box (ISO/IEC 23008-12, 9.3). It is nil when the box names none.
func associated(ipma []byte, item uint32) []int {
	if len(ipma) < fullBox+4 {
		return nil
	}
	long, wide := ipma[0] > 0, ipma[3]&1 != 0 // item ids of 32 bits instead of 16, indices of 15 bits instead of 7
	size := 1
	if wide {
		size = 2
	}
	entries, rest := binary.BigEndian.Uint32(ipma[fullBox:]), ipma[fullBox+4:]
	for range entries {
		id, tail, ok := number(rest, long)
		if !ok || len(tail) < 1 || len(tail)-1 < int(tail[0])*size {
			return nil
		}
		list := tail[1 : 1+int(tail[0])*size]
		if id == item {
			return indices(list, wide)
		}
		rest = tail[1+len(list):]
	}
	return nil
}

// indices takes off the bit that calls a property essential.
func indices(list []byte, wide bool) []int {
	var all []int
	for len(list) > 0 {
		if wide {
			all, list = append(all, int(binary.BigEndian.Uint16(list)&0x7fff)), list[2:]
		} else {
			all, list = append(all, int(list[0]&0x7f)), list[1:]
		}
	}
	return all
}

// number reads an integer of 32 or of 16 bits from the start of b and returns what is behind it.
func number(b []byte, long bool) (n uint32, rest []byte, ok bool) {
	switch {
	case long && len(b) >= 4:
		return binary.BigEndian.Uint32(b), b[4:], true
	case !long && len(b) >= 2:
		return uint32(binary.BigEndian.Uint16(b)), b[2:], true
	}
	return 0, nil, false
}
