package vp8_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"math/rand/v2"

	"github.com/gen2brain/webp"
	xvp8 "golang.org/x/image/vp8"

	"github.com/cruddur/avatarkit/avatar/internal/vp8"
)

// oracle is the boolean decoder as section 7.3 of the RFC gives it, bit by bit.
type oracle struct {
	data       []byte
	value, rng uint32
	shifted    int
}

func newOracle(data []byte) *oracle {
	o := &oracle{data: append(bytes.Clone(data), 0, 0), rng: 255}
	o.value = uint32(o.data[0])<<8 | uint32(o.data[1])
	o.data = o.data[2:]
	return o
}

func (o *oracle) flag() bool {
	split := 1 + (o.rng-1)*128>>8
	set := o.value >= split<<8
	if set {
		o.rng -= split
		o.value -= split << 8
	} else {
		o.rng = split
	}
	for o.rng < 128 {
		o.value, o.rng = o.value<<1, o.rng<<1
		if o.shifted++; o.shifted == 8 {
			o.shifted = 0
			if len(o.data) > 0 {
				o.value, o.data = o.value|uint32(o.data[0]), o.data[1:]
			}
		}
	}
	return set
}

func (o *oracle) number(size int) int {
	v := 0
	for range size {
		v *= 2
		if o.flag() {
			v++
		}
	}
	return v
}

func (o *oracle) optional(size int) int {
	if !o.flag() {
		return 0
	}
	v := o.number(size)
	if o.flag() {
		return -v
	}
	return v
}

// header is what the tests need to know of a first partition: the number of the others, and whether a level of the filter leaves the eight bits in which
// golang.org/x/image/vp8 computes it; libwebp computes it in more.
func header(first []byte) (partitions int, overflows bool) {
	o := newOracle(first)
	o.number(2)
	var levels [4]int
	relative := false
	if segmented := o.flag(); segmented {
		update := o.flag()
		if o.flag() {
			relative = !o.flag()
			for range 4 {
				o.optional(7)
			}
			for i := range levels {
				levels[i] = o.optional(6)
			}
		}
		for i := 0; update && i < 3; i++ {
			if o.flag() {
				o.number(8)
			}
		}
	}
	o.flag()
	level := o.number(6)
	o.number(3)
	highest, lowest := max(level, levels[0], levels[1], levels[2], levels[3]), min(levels[0], levels[1], levels[2], levels[3])
	if relative {
		highest += level
	}
	used := o.flag()
	if used && o.flag() {
		var deltas [8]int
		for i := range deltas {
			deltas[i] = o.optional(6)
		}
		highest += max(deltas[0], 0) + max(deltas[4], 0)
		lowest += min(deltas[0], 0) + min(deltas[4], 0)
	}
	return 1 << o.number(2), highest > 127 || lowest < -128
}

// everywhere is a region that no picture exceeds.
var everywhere = image.Rect(0, 0, 1<<14, 1<<14)

// frame puts a key frame together.
func frame(w, h int, first []byte, rest [][]byte) []byte {
	tag := uint32(1)<<4 | uint32(len(first))<<5
	b := []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 0x01, 0x2a}
	b = binary.LittleEndian.AppendUint16(b, uint16(w))
	b = binary.LittleEndian.AppendUint16(b, uint16(h))
	b = append(b, first...)
	for _, part := range rest[:len(rest)-1] {
		b = append(b, byte(len(part)), byte(len(part)>>8), byte(len(part)>>16))
	}
	return append(b, bytes.Join(rest, nil)...)
}

// randomFrame is a frame of random bytes. In an arithmetic code these are a valid picture, with everything that the format has, as often as its
// probabilities say. Overflowing ones have levels that golang.org/x/image/vp8 gets wrong.
func randomFrame(random *rand.Rand, w, h int, overflowing bool) []byte {
	blocks := (w + 15) / 16 * ((h + 15) / 16)
	some := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		b[0] = min(b[0], 254) // no arithmetic code begins with 255
		return b
	}
	for {
		first := some(300 + 30*blocks)
		n, overflows := header(first)
		if overflows != overflowing {
			continue
		}
		var rest [][]byte
		for range n {
			rest = append(rest, some(100+400*blocks))
		}
		return frame(w, h, first, rest)
	}
}

// beginsWith255 says that one of the partitions is no arithmetic code.
func beginsWith255(data []byte) bool {
	size := int(data[0])>>5 | int(data[1])<<3 | int(data[2])<<11
	first, data := data[10:10+size], data[10+size:]
	n, _ := header(first)
	sizes, data := data[:3*(n-1)], data[3*(n-1):]
	starts := []int{0}
	for i := 0; i < len(sizes); i += 3 {
		starts = append(starts, starts[len(starts)-1]+(int(sizes[i])|int(sizes[i+1])<<8|int(sizes[i+2])<<16))
	}
	bad := size > 0 && first[0] == 255
	for _, at := range starts {
		bad = bad || at < len(data) && data[at] == 255
	}
	return bad
}

// decode returns the part of a picture inside a region; the rest of the planes is zero.
func decode(ctx context.Context, data []byte, region image.Rectangle) (*image.YCbCr, error) {
	d, err := vp8.NewDecoder(data)
	if err != nil {
		return nil, err
	}
	m := image.NewYCbCr(image.Rect(0, 0, d.Width, d.Height), image.YCbCrSubsampleRatio420)
	err = d.Decode(ctx, region.Intersect(m.Rect), func(s *vp8.Strip) error {
		for y := s.Y; y < s.Y+s.Height; y++ {
			copy(m.Y[y*m.YStride:][:d.Width], s.Luma(y))
		}
		for y := s.Y / 2; y < (s.Y+s.Height+1)/2; y++ {
			cb, cr := s.Chroma(y)
			copy(m.Cb[y*m.CStride:], cb)
			copy(m.Cr[y*m.CStride:], cr)
		}
		return nil
	})
	return m, err
}

// reference decodes with golang.org/x/image/vp8.
func reference(data []byte) (*image.YCbCr, error) {
	d := xvp8.NewDecoder()
	d.Init(bytes.NewReader(data), len(data))
	if _, err := d.DecodeFrameHeader(); err != nil {
		return nil, err
	}
	return d.DecodeFrame()
}

// libwebp decodes with libwebp.
func libwebp(data []byte) (*image.YCbCr, error) {
	file := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(12+len(data)+len(data)&1))
	file = binary.LittleEndian.AppendUint32(append(file, "WEBPVP8 "...), uint32(len(data)))
	file = append(append(file, data...), make([]byte, len(data)&1)...)
	m, err := webp.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return &m.(*image.NYCbCrA).YCbCr, nil
}

// firstDifference returns the first pixel of a region that differs.
func firstDifference(a, b *image.YCbCr, region image.Rectangle) (image.Point, bool) {
	for y := region.Min.Y; y < region.Max.Y; y++ {
		for x := region.Min.X; x < region.Max.X; x++ {
			if a.YCbCrAt(x, y) != b.YCbCrAt(x, y) {
				return image.Pt(x, y), true
			}
		}
	}
	return image.Point{}, false
}
