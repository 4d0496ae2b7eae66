package path_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"testing"
)

// photo is a JPEG as a phone makes it: upright its upper half has the colour and its lower half is black, but it lies on
// its side, and EXIF says so (orientation 6) and where it was taken.
func photo(t *testing.T, c color.Color) []byte {
	t.Helper()
	lying := image.NewRGBA(image.Rect(0, 0, 800, 600))
	draw.Draw(lying, image.Rect(0, 0, 400, 600), image.NewUniform(c), image.Point{}, draw.Src)
	draw.Draw(lying, image.Rect(400, 0, 800, 600), image.NewUniform(color.Black), image.Point{}, draw.Src)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, lying, nil); err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	entry := func(b []byte, tag, kind uint16, count, value uint32) []byte {
		return le.AppendUint32(le.AppendUint32(le.AppendUint16(le.AppendUint16(b, tag), kind), count), value)
	}
	tiff := le.AppendUint16([]byte{'I', 'I', 42, 0, 8, 0, 0, 0}, 2)
	tiff = entry(tiff, 0x0112, 3, 1, 6)
	tiff = entry(tiff, 0x8825, 4, 1, 38) // the GPS directory follows
	tiff = le.AppendUint16(le.AppendUint32(tiff, 0), 1)
	tiff = le.AppendUint32(entry(tiff, 1, 2, 2, 'N'), 0)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(segment)+2))
	return append(append(head, segment...), buf.Bytes()[2:]...)
}

// checkPhoto expects an upright picture of the width with the colour above and black below, without metadata.
func checkPhoto(t *testing.T, data []byte, width int, c color.RGBA) {
	t.Helper()
	if bytes.Contains(data, []byte("Exif")) {
		t.Error("the picture still has EXIF data")
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	size := m.Bounds().Size()
	if size.X != width || size.Y != width {
		t.Errorf("size %v, want %d square", size, width)
	}
	for _, tt := range []struct {
		name string
		y    int
		want color.RGBA
	}{{"above", size.Y / 8, c}, {"below", size.Y * 7 / 8, color.RGBA{A: 255}}} {
		r, g, b, _ := m.At(size.X/2, tt.y).RGBA()
		for _, d := range []int{int(r>>8) - int(tt.want.R), int(g>>8) - int(tt.want.G), int(b>>8) - int(tt.want.B)} {
			if d < -24 || d > 24 { // two passes of JPEG
				t.Errorf("%s is %v, want about %v", tt.name, m.At(size.X/2, tt.y), tt.want)
				break
			}
		}
	}
}
