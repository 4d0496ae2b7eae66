package jpeg

import (
	"encoding/binary"
)

// Markers, T.81 table B.1.
const (
	markerSOF0  = 0xc0 // baseline
	markerSOF1  = 0xc1 // extended sequential, Huffman
	markerSOF2  = 0xc2 // progressive, Huffman
	markerDHT   = 0xc4
	markerJPG   = 0xc8
	markerDAC   = 0xcc
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDNL   = 0xdc
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP14 = 0xee
	markerTEM   = 0x01
)

// Model says what the components mean.
type Model int

// The models. Values of the last two are as the file has them: see [Decoder.Inverted].
const (
	Gray  Model = iota
	YCbCr       // full range, ITU-R BT.601
	RGB
	CMYK
	YCCK // YCbCr of the inverted C, M, Y
)

// component is one colour of the frame.
type component struct {
	id     byte
	h, v   int // sampling factors, 1 to 4
	tq     byte
	width  int // in samples
	height int
}

// Decoder holds the header of a JPEG. It is for one goroutine and one Decode.
type Decoder struct {
	// Width and Height are the picture's size in pixels, as stored.
	Width, Height int
	// Model says what the components are.
	Model Model
	// Inverted says that CMYK and YCCK samples are inverted, 255 being no ink, as Adobe writes them.
	Inverted bool
	// Progressive says that the file refines the picture in scans.
	Progressive bool

	data  []byte
	at    int // offset of the next segment
	first int // offset of the first SOS segment

	comps      []component
	hmax, vmax int
	quant      [4][64]uint16 // in zigzag order
	hasQuant   [4]bool
	dc, ac     [4]*huffman // nil when not defined
	restart    int         // MCUs between restart markers; 0 is none

	jfif           bool
	adobe          bool
	adobeTransform byte

	bits bitReader
}

// NewDecoder reads the segments up to the first scan. It keeps data, and does not change it.
func NewDecoder(data []byte) (*Decoder, error) {
	if len(data) < 2 || data[0] != 0xff || data[1] != markerSOI {
		return nil, FormatError("missing SOI marker")
	}
	d := &Decoder{data: data, at: 2}
	marker, err := d.segments()
	if err != nil {
		return nil, err
	}
	if marker != markerSOS {
		return nil, FormatError("no picture data")
	}
	if d.comps == nil {
		return nil, FormatError("no frame header before the picture data")
	}
	d.first = d.at
	if d.Height == 0 {
		if d.Height = d.findHeight(); d.Height == 0 {
			return nil, FormatError("the height is zero")
		}
	}
	d.setSizes()
	d.setModel()
	return d, nil
}

// segments reads segments up to the next SOS, of which it leaves the offset behind the marker in d.at, or up to EOI, or to the end of the data,
// which is marker 0.
func (d *Decoder) segments() (marker byte, err error) {
	for {
		marker, d.at = nextMarker(d.data, d.at)
		switch {
		case marker == 0 || marker == markerEOI:
			return marker, nil
		case marker == markerSOI || marker == markerTEM || marker >= markerRST0 && marker <= markerRST7:
			continue
		}
		if d.at+2 > len(d.data) {
			return 0, nil
		}
		n := int(binary.BigEndian.Uint16(d.data[d.at:]))
		if n < 2 {
			return 0, FormatError("a segment is shorter than its length")
		}
		if d.at+n > len(d.data) {
			d.at = len(d.data)
			return 0, nil
		}
		body := d.data[d.at+2 : d.at+n]
		if marker == markerSOS {
			return marker, nil
		}
		d.at += n
		if err := d.segment(marker, body); err != nil {
			return 0, err
		}
	}
}

func (d *Decoder) segment(marker byte, body []byte) error {
	switch marker {
	case markerSOF0, markerSOF1, markerSOF2:
		return d.readFrame(marker, body)
	case markerDHT:
		return d.readHuffman(body)
	case markerDQT:
		return d.readQuant(body)
	case markerDRI:
		if len(body) != 2 {
			return FormatError("DRI has the wrong length")
		}
		d.restart = int(binary.BigEndian.Uint16(body))
	case markerAPP0:
		d.jfif = d.jfif || len(body) >= 5 && string(body[:5]) == "JFIF\x00"
	case markerAPP14:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			d.adobe, d.adobeTransform = true, body[11]
		}
	case markerDAC:
		return UnsupportedError("arithmetic coding")
	default:
		if marker > markerSOF2 && marker <= 0xcf && marker != markerJPG {
			return unsupportedFrame(marker)
		}
	}
	return nil
}

func unsupportedFrame(marker byte) error {
	switch {
	case marker >= 0xc9:
		return UnsupportedError("arithmetic coding")
	case marker == 0xc3:
		return UnsupportedError("lossless coding")
	}
	return UnsupportedError("hierarchical coding")
}

// readFrame is T.81 section B.2.2.
func (d *Decoder) readFrame(marker byte, body []byte) error {
	if d.comps != nil {
		return FormatError("more than one frame header")
	}
	if len(body) < 6 {
		return FormatError("the frame header is too short")
	}
	n := int(body[5])
	if len(body) != 6+3*n {
		return FormatError("the frame header has the wrong length")
	}
	if body[0] != 8 {
		if body[0] == 12 {
			return UnsupportedError("12 bits a sample")
		}
		return UnsupportedError("other than 8 bits a sample")
	}
	if n != 1 && n != 3 && n != 4 {
		return UnsupportedError("other than one, three or four components")
	}
	d.Progressive = marker == markerSOF2
	d.Height, d.Width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	if d.Width == 0 {
		return FormatError("the width is zero")
	}
	comps := make([]component, n)
	for i := range comps {
		b := body[6+3*i:]
		c := component{id: b[0], h: int(b[1] >> 4), v: int(b[1] & 15), tq: b[2]}
		for _, other := range comps[:i] {
			if other.id == c.id {
				return FormatError("two components have the same identifier")
			}
		}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return FormatError("a sampling factor is not 1 to 4")
		}
		if c.tq > 3 {
			return FormatError("a component names a quantization table that cannot be")
		}
		if n == 1 { // The factors of a single component say nothing: section A.2.2.
			c.h, c.v = 1, 1
		}
		d.hmax, d.vmax = max(d.hmax, c.h), max(d.vmax, c.v)
		comps[i] = c
	}
	d.comps = comps
	return nil
}

// setSizes computes the components' sizes, T.81 section A.1.1.
func (d *Decoder) setSizes() {
	for i := range d.comps {
		c := &d.comps[i]
		c.width = ceilDiv(d.Width*c.h, d.hmax)
		c.height = ceilDiv(d.Height*c.v, d.vmax)
	}
}

// setModel follows what libjpeg established: Adobe's marker decides, then JFIF's, then the identifiers.
func (d *Decoder) setModel() {
	switch len(d.comps) {
	case 1:
		d.Model = Gray
	case 3:
		d.Model = YCbCr
		rgb := d.comps[0].id == 'R' && d.comps[1].id == 'G' && d.comps[2].id == 'B'
		if d.adobe && d.adobeTransform == 0 || !d.adobe && !d.jfif && rgb {
			d.Model = RGB
		}
	case 4:
		d.Model, d.Inverted = CMYK, d.adobe
		if d.adobe && d.adobeTransform != 0 {
			d.Model = YCCK
		}
	}
}

// findHeight returns the height that a DNL segment (section B.2.5) behind the first scan states, or 0.
func (d *Decoder) findHeight() int {
	for at := d.first; ; {
		marker, next := nextMarker(d.data, at)
		switch {
		case marker == markerDNL && next+4 <= len(d.data) && binary.BigEndian.Uint16(d.data[next:]) == 4:
			return int(binary.BigEndian.Uint16(d.data[next+2:]))
		case marker == 0 || marker == markerEOI:
			return 0
		}
		at = next
	}
}

// readQuant is T.81 section B.2.4.1.
func (d *Decoder) readQuant(body []byte) error {
	for len(body) > 0 {
		wide, id := body[0]>>4, body[0]&15
		body = body[1:]
		if id > 3 || wide > 1 {
			return FormatError("bad quantization table header")
		}
		size := 64 << wide
		if len(body) < size {
			return FormatError("a quantization table is too short")
		}
		for i := range d.quant[id] {
			if wide == 0 {
				d.quant[id][i] = uint16(body[i])
			} else {
				d.quant[id][i] = binary.BigEndian.Uint16(body[2*i:])
			}
		}
		d.hasQuant[id] = true
		body = body[size:]
	}
	return nil
}

// readHuffman is T.81 section B.2.4.2.
func (d *Decoder) readHuffman(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 {
			return FormatError("a Huffman table is too short")
		}
		class, id := body[0]>>4, body[0]&15
		if class > 1 || id > 3 {
			return FormatError("bad Huffman table header")
		}
		var counts [17]int32
		total := 0
		for i := 1; i <= 16; i++ {
			counts[i] = int32(body[i])
			total += int(body[i])
		}
		body = body[17:]
		if total == 0 || total > 256 || total > len(body) {
			return FormatError("a Huffman table has a bad number of codes")
		}
		table := &d.dc[id]
		if class == 1 {
			table = &d.ac[id]
		}
		if *table == nil {
			*table = new(huffman)
		}
		if err := (*table).define(counts, body[:total]); err != nil {
			return err
		}
		body = body[total:]
	}
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
