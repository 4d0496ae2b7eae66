// Package isobmff measures HEIF pictures (HEIC and AVIF) by the boxes of their header (ISO/IEC 14496-12 and 23008-12), without decoding.
package isobmff

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Info is what the item properties of a file say.
type Info struct {
	// Width and Height bound every picture in the file, thumbnails and tiles included: the largest of each that is stated.
	Width, Height int
	// Orientation is the rotation and mirroring that the file asks for its primary picture, as EXIF numbers it.
	Orientation int
	// Profile is the ICC profile of the primary picture; nil without one.
	Profile []byte
}

// maxBoxes bounds the work on a hostile header.
const maxBoxes = 4096

// fullBox is the size of the version and flags that some boxes begin with.
const fullBox = 4

// Read reads the properties of the file's pictures. Where a file does not say which of them its primary picture has, it has all.
func Read(data []byte) (Info, error) {
	r := reader{left: maxBoxes, info: Info{Orientation: 1}}
	r.boxes(data, 0)
	order := associated(r.ipma, r.primary)
	if order == nil {
		for i := range r.properties {
			order = append(order, i+1)
		}
	}
	for _, i := range order {
		if i >= 1 && i <= len(r.properties) {
			r.info.apply(r.properties[i-1])
		}
	}
	if r.info.Width < 1 || r.info.Height < 1 {
		return r.info, errors.New("isobmff: the file states no size")
	}
	return r.info, nil
}

// property is a box of the item property container.
type property struct {
	kind string
	body []byte
}

type reader struct {
	info       Info
	left       int
	primary    uint32 // item id
	properties []property
	ipma       []byte
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
	switch {
	case depth == 0 && kind == "meta" && len(body) > fullBox:
		r.boxes(body[fullBox:], 1)
	case depth == 1 && kind == "pitm":
		r.primary = primary(body)
	case depth == 1 && kind == "iprp", depth == 2 && kind == "ipco":
		r.boxes(body, depth+1)
	case depth == 2 && kind == "ipma" && r.ipma == nil:
		r.ipma = body
	case depth == 3:
		r.properties = append(r.properties, property{kind, body})
		if kind == "ispe" && len(body) >= fullBox+8 {
			r.info.Width = max(r.info.Width, side(body[fullBox:]))
			r.info.Height = max(r.info.Height, side(body[fullBox+4:]))
		}
	}
}

// apply adds what a property says about the primary picture. Turns and mirrors work one upon the other, in the order in which they are associated.
func (info *Info) apply(p property) {
	switch {
	case p.kind == "irot" && len(p.body) >= 1:
		for range p.body[0] & 3 {
			info.Orientation = [9]int{1: 8, 8: 3, 3: 6, 6: 1, 2: 5, 5: 4, 4: 7, 7: 2}[info.Orientation] // a quarter turn counter-clockwise
		}
	case p.kind == "imir" && len(p.body) >= 1:
		// ISO/IEC 23008-12:2022, 6.5.12: mode 0 exchanges top and bottom, 1 left and right.
		if p.body[0]&1 == 0 {
			info.Orientation = [9]int{1: 4, 4: 1, 2: 3, 3: 2, 5: 8, 8: 5, 6: 7, 7: 6}[info.Orientation]
		} else {
			info.Orientation = [9]int{1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 7: 8, 8: 7}[info.Orientation]
		}
	case p.kind == "colr" && len(p.body) > 4 && (bytes.HasPrefix(p.body, []byte("prof")) || bytes.HasPrefix(p.body, []byte("rICC"))):
		info.Profile = p.body[4:]
	}
}

// side keeps a stated side in the range of 31 bits, where it is over every limit.
func side(b []byte) int { return int(min(binary.BigEndian.Uint32(b), 1<<31-1)) }
