// Package exif reads the one tag of an EXIF block that changes how a picture is shown: the orientation. It is made for broken files:
// what cannot be read says nothing, and is never an error.
package exif

import (
	"bytes"
	"encoding/binary"
)

const (
	tagOrientation = 0x0112
	typeByte       = 1
	typeShort      = 3
	typeLong       = 4
	entrySize      = 12
)

// Orientation returns the orientation, 1 to 8, that the first image directory of an EXIF block states (TIFF 6.0, tag 274), or 0 if it states none.
// The block may start with the "Exif\0\0" of JPEG's APP1 or directly with the TIFF header, as in PNG and WebP.
func Orientation(block []byte) int {
	// The second zero is padding, and not every writer's is one.
	if rest, ok := bytes.CutPrefix(block, []byte("Exif\x00")); ok {
		block = rest[min(1, len(rest)):]
	}
	order := byteOrder(block)
	if order == nil {
		return 0
	}
	start := int64(order.Uint32(block[4:]))
	if start < 8 || start+2 > int64(len(block)) {
		return 0
	}
	entries := block[start+2:]
	for range order.Uint16(block[start:]) {
		if len(entries) < entrySize {
			break
		}
		if order.Uint16(entries) == tagOrientation {
			if v := value(order, entries); v != 0 {
				return v
			}
		}
		entries = entries[entrySize:]
	}
	return 0
}

func byteOrder(block []byte) binary.ByteOrder {
	if len(block) < 8 {
		return nil
	}
	// The 42 behind the byte order is not asked for: cameras exist that write something else there.
	switch string(block[:2]) {
	case "II":
		return binary.LittleEndian
	case "MM":
		return binary.BigEndian
	}
	return nil
}

// value reads the entry in the types that writers are known to use; the standard says SHORT. A value that is no orientation is 0.
func value(order binary.ByteOrder, entry []byte) int {
	var v uint32
	switch order.Uint16(entry[2:]) {
	case typeByte:
		v = uint32(entry[8])
	case typeShort:
		v = uint32(order.Uint16(entry[8:]))
	case typeLong:
		v = order.Uint32(entry[8:])
	}
	if v > 8 {
		return 0
	}
	return int(v)
}
