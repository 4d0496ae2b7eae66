package vp8

import (
	"encoding/binary"
	"errors"
)

var (
	// ErrTruncated says that the data ends early, or is no arithmetic code.
	ErrTruncated = errors.New("vp8: the data is cut short or damaged")
	errHeader    = errors.New("vp8: this is no key frame that is to be shown")
)

const segments = 4

// Decoder holds the header of a picture. It may decode the picture any number of times, for one goroutine at a time.
type Decoder struct {
	// Width and Height are in pixels, 1 to 16383.
	Width, Height int

	first []byte   // the first partition
	rest  [][]byte // the others, a power of two
}

// frame is the state of one Decode.
type frame struct {
	across, down int // macroblocks

	head  boolReader // the first partition
	parts []boolReader

	segmented    bool // every macroblock names its segment
	segmentProbs [3]uint8
	quant        [segments]quantizer
	simple       bool              // the filter
	filters      [segments][2]edge // the second is for macroblocks of subblocks that are predicted one by one
	skips        bool              // every macroblock says whether it has coefficients
	skipProb     uint8
	probs        [planeKinds]planeProbs

	segment int // of the last macroblock
	above   []neighbour
	left    neighbour
	work    workspace
	coeffs  [25][16]int16
}

// quantizer holds the step sizes of the first and of all other coefficients, for luma, the second order of luma, and chroma.
type quantizer struct{ luma, second, chroma [2]int32 }

// NewDecoder reads the sizes and partitions of a key frame (section 9.1). It keeps data, and allocates nothing for the picture.
func NewDecoder(data []byte) (*Decoder, error) {
	if len(data) < 10 {
		return nil, ErrTruncated
	}
	tag := int(data[0]) | int(data[1])<<8 | int(data[2])<<16
	// A frame for prediction, a version that nobody defined, or a frame that is not shown.
	if tag&1 != 0 || tag>>1&7 > 3 || tag>>4&1 == 0 || data[3] != 0x9d || data[4] != 0x01 || data[5] != 0x2a {
		return nil, errHeader
	}
	d := &Decoder{
		Width:  int(binary.LittleEndian.Uint16(data[6:])) & 0x3fff,
		Height: int(binary.LittleEndian.Uint16(data[8:])) & 0x3fff,
	}
	if d.Width == 0 || d.Height == 0 {
		return nil, errHeader
	}
	size := tag >> 5
	data = data[10:]
	if size > len(data) {
		return nil, ErrTruncated
	}
	d.first, data = data[:size], data[size:]
	return d, d.partition(data)
}

// partition finds the partitions of the coefficients (section 9.5). How many they are is told in the middle of the header.
func (d *Decoder) partition(data []byte) error {
	f := frame{head: newBoolReader(d.first)}
	f.readSegments()
	f.readFilter()
	n := 1 << f.head.number(2)
	if f.head.overrun || len(data) < 3*(n-1) {
		return ErrTruncated
	}
	sizes, data := data[:3*(n-1)], data[3*(n-1):]
	for ; len(sizes) > 0; sizes = sizes[3:] {
		size := int(sizes[0]) | int(sizes[1])<<8 | int(sizes[2])<<16
		if size > len(data) {
			return ErrTruncated
		}
		d.rest, data = append(d.rest, data[:size]), data[size:]
	}
	d.rest = append(d.rest, data)
	return nil
}

// newFrame reads the whole frame header (section 9.2 and following).
func (d *Decoder) newFrame() (*frame, error) {
	f := &frame{head: newBoolReader(d.first), across: (d.Width + 15) / 16, down: (d.Height + 15) / 16}
	segments := f.readSegments()
	f.filters = f.readFilter().edges(segments)
	f.head.number(2) // how many partitions
	f.readQuantizers(segments)
	f.head.flag() // whether the frame is kept to predict others
	f.readProbs()
	if f.skips = f.head.flag(); f.skips {
		f.skipProb = uint8(f.head.number(8))
	}
	if f.head.overrun {
		return nil, ErrTruncated
	}
	for _, part := range d.rest {
		f.parts = append(f.parts, newBoolReader(part))
	}
	f.above = make([]neighbour, f.across)
	return f, nil
}

// segmentation holds what the segments differ in (section 9.3).
type segmentation struct {
	used     bool
	relative bool // the numbers are added to those of the frame; otherwise they replace them, also where the stream has none
	quant    [segments]int
	level    [segments]int
}

// of returns the number of a segment, given that of the frame.
func (s *segmentation) of(numbers *[segments]int, segment, frame int) int {
	switch {
	case !s.used:
		return frame
	case s.relative:
		return frame + numbers[segment]
	}
	return numbers[segment]
}

// readSegments reads the colour space and clamping type, which change nothing here, and the segmentation.
func (f *frame) readSegments() *segmentation {
	r := &f.head
	r.number(2)
	s := &segmentation{used: r.flag()}
	if !s.used {
		return s
	}
	f.segmented = r.flag()
	if r.flag() {
		s.relative = !r.flag()
		for i := range s.quant {
			s.quant[i] = r.optional(7)
		}
		for i := range s.level {
			s.level[i] = r.optional(6)
		}
	}
	if f.segmented {
		for i := range f.segmentProbs {
			f.segmentProbs[i] = 255
			if r.flag() {
				f.segmentProbs[i] = uint8(r.number(8))
			}
		}
	}
	return s
}

// readQuantizers reads the step sizes (sections 9.6 and 14.1).
func (f *frame) readQuantizers(s *segmentation) {
	base := f.head.number(7)
	var delta [5]int
	for i := range delta {
		delta[i] = f.head.optional(4)
	}
	at := func(index, highest int) int { return min(max(index, 0), highest) }
	for i := range f.quant {
		index := s.of(&s.quant, i, base)
		q := &f.quant[i]
		q.luma = [2]int32{int32(dcQuant[at(index+delta[0], 127)]), int32(acQuant[at(index, 127)])}
		q.second = [2]int32{2 * int32(dcQuant[at(index+delta[1], 127)]), max(int32(acQuant[at(index+delta[2], 127)])*155/100, 8)}
		q.chroma = [2]int32{int32(dcQuant[at(index+delta[3], 117)]), int32(acQuant[at(index+delta[4], 127)])}
	}
}

// readProbs reads the token probabilities (section 9.9).
func (f *frame) readProbs() {
	probs := defaultTokenProbs
	for plane := range probs {
		for band := range probs[plane] {
			for ctx := range probs[plane][band] {
				for i, p := range tokenUpdateProbs[plane][band][ctx] {
					if f.head.bit(p) {
						probs[plane][band][ctx][i] = uint8(f.head.number(8))
					}
				}
			}
		}
		for i, band := range bands {
			f.probs[plane][i] = probs[plane][band]
		}
	}
}
