// Package isobmff measures HEIF pictures (HEIC and AVIF) by the boxes of their header (ISO/IEC 14496-12 and 23008-12), without decoding.
package isobmff

import (
	"encoding/binary"
	"errors"
	"strings"
)

// Info is what the item properties of a file say.
type Info struct {
	// Width and Height bound every picture in the file, thumbnails and tiles included: the largest of each that is stated.
	Width, Height int
	// Orientation is the rotation and mirroring that the file asks for, as EXIF numbers it.
	Orientation int
	// Profile is an ICC profile; nil without one.
	Profile []byte
}

// maxBoxes bounds the work on a hostile header.
const maxBoxes = 4096

// Read reads the properties of the file's pictures.
func Read(data []byte) (Info, error) {
	r := reader{left: maxBoxes}
	r.boxes(data, 0)
	r.info.Orientation = r.orientation()
	if r.info.Width < 1 || r.info.Height < 1 {
		return r.info, errors.New("isobmff: the file states no size")
	}
	return r.info, nil
}

type reader struct {
	info   Info
	left   int
	angle  int // quarter turns, counter-clockwise
	mirror int // 0 none, 1 left to right, 2 upside down
}

// boxes walks the boxes of data, down into those that hold item properties.
func (r *reader) boxes(data []byte, depth int) {
	for len(data) >= 8 && r.left > 0 {
		r.left--
		size, head := uint64(binary.BigEndian.Uint32(data)), uint64(8)
		switch {
		case size == 0:
			size = uint64(len(data))
		case size == 1 && len(data) >= 16:
			size, head = binary.BigEndian.Uint64(data[8:]), 16
		}
		if size < head {
			return
		}
		body := data[head:min(max(size, head), uint64(len(data)))]
		r.box(string(data[4:8]), body, depth)
		data = data[min(size, uint64(len(data))):]
	}
}

func (r *reader) box(kind string, body []byte, depth int) {
	const fullBox = 4 // version and flags
	switch {
	case depth == 0 && kind == "meta" && len(body) > fullBox:
		r.boxes(body[fullBox:], 1)
	case depth == 1 && kind == "iprp", depth == 2 && kind == "ipco":
		r.boxes(body, depth+1)
	case depth == 3 && kind == "ispe" && len(body) >= fullBox+8:
		r.info.Width = max(r.info.Width, side(body[fullBox:]))
		r.info.Height = max(r.info.Height, side(body[fullBox+4:]))
	case depth == 3 && kind == "irot" && len(body) >= 1:
		r.angle = int(body[0] & 3)
	case depth == 3 && kind == "imir" && len(body) >= 1:
		r.mirror = 2 - int(body[0]&1) // ISO/IEC 23008-12:2022, 6.5.12: mode 0 exchanges top and bottom, 1 left and right
	case depth == 3 && kind == "colr" && len(body) > 4 && (strings.HasPrefix(string(body), "prof") || strings.HasPrefix(string(body), "rICC")):
		r.info.Profile = body[4:]
	}
}

// orientation combines the turn with the mirroring that follows it.
func (r *reader) orientation() int {
	return [4][3]int{{1, 2, 4}, {8, 7, 5}, {3, 4, 2}, {6, 5, 7}}[r.angle][r.mirror]
}

// side keeps a stated side in the range of 31 bits, where it is over every limit.
func side(b []byte) int { return int(min(binary.BigEndian.Uint32(b), 1<<31-1)) }
