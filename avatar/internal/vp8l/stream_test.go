package vp8l_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"github.com/gen2brain/webp"
	xvp8l "golang.org/x/image/vp8l"

	"github.com/cruddur/avatarkit/avatar/internal/vp8l"
)

// stream writes bits, the lowest first.
type stream struct {
	data []byte
	acc  uint64
	n    int
}

func (s *stream) put(v, bits int) {
	s.acc |= uint64(v) << s.n
	for s.n += bits; s.n >= 8; s.n -= 8 {
		s.data, s.acc = append(s.data, byte(s.acc)), s.acc>>8
	}
}

func (s *stream) header(w, h, alpha int) {
	s.put(0x2f, 8)
	s.put(w-1, 14)
	s.put(h-1, 14)
	s.put(alpha, 1)
	s.put(0, 3)
}

// simple writes a code of one or two symbols.
func (s *stream) simple(symbols ...int) {
	s.put(1, 1)
	s.put(len(symbols)-1, 1)
	s.put(1, 1)
	for _, v := range symbols {
		s.put(v, 8)
	}
}

// group writes the codes of a group whose pixels take no bit.
func (s *stream) group(green, red, blue, alpha int) {
	for _, symbol := range []int{green, red, blue, alpha, 0} {
		s.simple(symbol)
	}
}

// bytes ends the stream, with zeros behind.
func (s *stream) bytes() []byte {
	s.put(0, 64)
	return s.data
}

// solid is a picture of one colour.
func solid(w, h int) []byte {
	var s stream
	s.header(w, h, 0)
	s.put(0, 3) // no transform, no colour cache, one group
	s.group(10, 20, 30, 255)
	return s.bytes()
}

// encode returns the VP8L chunk of a picture as libwebp encodes it.
func encode(t testing.TB, m image.Image, method int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := webp.Encode(&b, m, webp.Options{Lossless: true, Method: method, Exact: true}); err != nil {
		t.Fatal(err)
	}
	for chunks := b.Bytes()[12:]; ; {
		n := int(binary.LittleEndian.Uint32(chunks[4:]))
		if string(chunks[:4]) == "VP8L" {
			return chunks[8 : 8+n]
		}
		chunks = chunks[8+n+n&1:]
	}
}

// pictures are such as make an encoder use every transform, and not.
func pictures(w, h int) map[string]*image.NRGBA {
	random := rand.New(rand.NewPCG(3, 4))
	paint := func(at func(x, y int) color.NRGBA) *image.NRGBA {
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				m.SetNRGBA(x, y, at(x, y))
			}
		}
		return m
	}
	colors := func(n int) func(x, y int) color.NRGBA {
		return func(x, y int) color.NRGBA {
			v := (x/3 + y/5 + int(random.UintN(2))) % n
			return color.NRGBA{byte(v * 53), byte(v * 101), byte(v * 7), 255}
		}
	}
	return map[string]*image.NRGBA{
		"2 colours":   paint(colors(2)),
		"4 colours":   paint(colors(4)),
		"16 colours":  paint(colors(16)),
		"200 colours": paint(colors(200)),
		"slopes": paint(func(x, y int) color.NRGBA {
			return color.NRGBA{byte(x * 3), byte(y*2 + x*x/40), byte(x + y + int(random.UintN(5))), 255}
		}),
		"noise": paint(func(int, int) color.NRGBA {
			v := random.Uint32()
			return color.NRGBA{byte(v), byte(v >> 8), byte(v >> 16), 255}
		}),
		"transparent": paint(func(x, y int) color.NRGBA {
			return color.NRGBA{byte(x * 5), byte(y * 3), byte(x ^ y), byte(x*7 + y + int(random.UintN(9)))}
		}),
		"patches": paint(func(x, y int) color.NRGBA {
			switch (x/16 + y/16) % 3 {
			case 0:
				return color.NRGBA{byte(random.Uint32()), 0, 0, 255}
			case 1:
				return color.NRGBA{0, byte(x * 9), 77, 255}
			}
			return color.NRGBA{9, 9, byte(y * 31 / (1 + x%4)), 255}
		}),
	}
}

// decode returns the whole picture, with the alpha that its pixels have.
func decode(ctx context.Context, data []byte) (*image.NRGBA, error) {
	d, err := vp8l.NewDecoder(data)
	if err != nil {
		return nil, err
	}
	rows, err := d.Rows(ctx)
	if err != nil {
		return nil, err
	}
	m := image.NewNRGBA(image.Rect(0, 0, d.Width, d.Height))
	for y := range d.Height {
		row, err := rows.Next(ctx)
		if err != nil {
			return nil, err
		}
		for x, px := range row {
			m.SetNRGBA(x, y, color.NRGBA{byte(px >> 16), byte(px >> 8), byte(px), byte(px >> 24)})
		}
	}
	return m, nil
}

// reference decodes with golang.org/x/image/vp8l.
func reference(data []byte) (*image.NRGBA, error) {
	m, err := xvp8l.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return m.(*image.NRGBA), nil
}

// libwebp decodes with libwebp, which gives YCbCr.
func libwebp(data []byte) (*image.NYCbCrA, error) {
	file := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(12+len(data)+len(data)&1))
	file = binary.LittleEndian.AppendUint32(append(file, "WEBPVP8L"...), uint32(len(data)))
	file = append(append(file, data...), make([]byte, len(data)&1)...)
	m, err := webp.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return m.(*image.NYCbCrA), nil
}

// agrees says that the pixels are those that libwebp made its luma of.
func agrees(m *image.NRGBA, with *image.NYCbCrA) bool {
	for i := range m.Pix[:len(m.Pix)/4] {
		px := m.Pix[4*i:]
		luma := (16839*int(px[0]) + 33059*int(px[1]) + 6420*int(px[2]) + 16<<16 + 1<<15) >> 16
		if int(with.Y[i]) != luma {
			return false
		}
	}
	return true
}
