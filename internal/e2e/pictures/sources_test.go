// Package pictures_test lets other programs judge what package avatar makes of pictures: a browser and sharp (libvips).
package pictures_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// quarters has the quarters red, green, blue and white.
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, [4]color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}[2*(2*y/h)+2*x/w])
		}
	}
	return m
}

func exif(orientation int) []byte {
	return []byte{'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, byte(orientation), 0, 0, 0, 0, 0, 0, 0}
}

func jpegWith(t *testing.T, orientation int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, quarters(160, 96), &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	body := append([]byte("Exif\x00\x00"), exif(orientation)...)
	segment := append([]byte{0xff, 0xe1, 0, byte(len(body) + 2)}, body...)
	return bytes.Join([][]byte{b.Bytes()[:2], segment, b.Bytes()[2:]}, nil)
}

// pngWith puts a chunk behind the header.
func pngWith(t *testing.T, m image.Image, kind string, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	chunk = append(append(chunk, kind...), body...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	const behindHeader = 8 + 25
	return bytes.Join([][]byte{b.Bytes()[:behindHeader], chunk, b.Bytes()[behindHeader:]}, nil)
}

// sources returns pictures that are easily shown wrong.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for o := range 10 {
		all[fmt.Sprintf("jpeg, orientation %d", o)] = jpegWith(t, o)
		all[fmt.Sprintf("png, orientation %d", o)] = pngWith(t, quarters(160, 96), "eXIf", exif(o))
	}
	gray := image.NewGray(image.Rect(0, 0, 96, 96))
	for i := range gray.Pix {
		gray.Pix[i] = 100
	}
	all["png, gamma 1"] = pngWith(t, gray, "gAMA", binary.BigEndian.AppendUint32(nil, 100000))
	muted := quarters(96, 96)
	for i, v := range muted.Pix {
		if i%4 != 3 {
			muted.Pix[i] = 60 + v/2
		}
	}
	all["png, Display P3"] = pngWith(t, muted, "cICP", []byte{12, 13, 0, 1})
	whole := jpegWith(t, 1)
	all["jpeg, cut short"] = whole[:len(whole)*9/10]
	// A frame that is larger than the canvas, and one that lies inside.
	for name, canvas := range map[string]image.Point{"small": {40, 40}, "large": {140, 140}} {
		frame := image.NewPaletted(image.Rect(0, 0, 96, 96), color.Palette{color.NRGBA{255, 0, 0, 255}, color.White})
		var b bytes.Buffer
		if err := gif.Encode(&b, frame, nil); err != nil {
			t.Fatal(err)
		}
		data := b.Bytes()
		binary.LittleEndian.PutUint16(data[6:], uint16(canvas.X))
		binary.LittleEndian.PutUint16(data[8:], uint16(canvas.Y))
		all["gif, "+name+" canvas"] = data
	}
	return all
}

// render makes one variant of the whole picture, in the picture's own shape.
func render(t *testing.T, data []byte, encoder avatar.Encoder) (*avatar.Set, avatar.Picture) {
	t.Helper()
	first, err := avatar.New(avatar.Config{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := first.Render(context.Background(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	kind := avatar.Kind{Name: "whole", Variants: []avatar.Variant{{Name: "whole", Width: set.Source.Width, Height: set.Source.Height}}}
	p, err := avatar.New(avatar.Config{Kind: kind, Encoder: encoder})
	if err != nil {
		t.Fatal(err)
	}
	if set, err = p.Render(context.Background(), bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return set, set.Pictures[0]
}
