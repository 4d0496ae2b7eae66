package avatar_test

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"image"
	"image/color"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// gifFile is a GIF with one frame of pixels of index 1.
type gifFile struct {
	canvas      image.Point
	frame       image.Rectangle
	global      []byte // colour tables of two or four colours; nil for none
	local       []byte
	transparent int // index, or -1
	interlaced  bool
	index       func(x, y int) byte // nil for 1 everywhere
}

func (g gifFile) encode() []byte {
	u16 := func(b []byte, v ...int) []byte {
		for _, n := range v {
			b = binary.LittleEndian.AppendUint16(b, uint16(n))
		}
		return b
	}
	table := func(colors []byte) byte { // flags
		if colors == nil {
			return 0
		}
		return 0x80 | byte(len(colors)/6-1)
	}
	b := append(u16([]byte("GIF89a"), g.canvas.X, g.canvas.Y), table(g.global), 0, 0)
	b = append(b, g.global...)
	if g.transparent >= 0 {
		b = append(b, 0x21, 0xf9, 4, 1, 0, 0, byte(g.transparent), 0)
	}
	flags := table(g.local)
	rows := make([]int, 0, g.frame.Dy())
	passes := [][2]int{{0, 1}}
	if g.interlaced {
		flags |= 0x40
		passes = [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
	}
	for _, p := range passes {
		for y := p[0]; y < g.frame.Dy(); y += p[1] {
			rows = append(rows, y)
		}
	}
	b = append(append(u16(append(b, 0x2c), g.frame.Min.X, g.frame.Min.Y, g.frame.Dx(), g.frame.Dy()), flags), g.local...)
	var data bytes.Buffer
	z := lzw.NewWriter(&data, lzw.LSB, 8)
	for _, y := range rows {
		for x := range g.frame.Dx() {
			index := byte(1)
			if g.index != nil {
				index = g.index(x, y)
			}
			z.Write([]byte{index})
		}
	}
	z.Close()
	b = append(b, 8)
	for data.Len() > 0 {
		block := data.Next(255)
		b = append(append(b, byte(len(block))), block...)
	}
	return append(b, 0, 0x3b)
}

// TestRenderGIF shows the canvas as browsers do: Chromium gives the same sizes for all of these.
func TestRenderGIF(t *testing.T) {
	var (
		red, blue = color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}
		none      = color.NRGBA{}
		whiteRed  = []byte{255, 255, 255, 255, 0, 0}
		whiteBlue = []byte{255, 255, 255, 0, 0, 255}
	)
	pt, rect := image.Pt, image.Rect
	tests := []struct {
		name string
		file gifFile
		size image.Point
		want map[image.Point]color.NRGBA
	}{
		{"plain", gifFile{pt(40, 40), rect(0, 0, 40, 40), whiteRed, nil, -1, false, nil}, pt(40, 40), map[image.Point]color.NRGBA{pt(20, 20): red}},
		{"a frame inside", gifFile{pt(40, 40), rect(20, 20, 40, 40), whiteRed, nil, -1, false, nil}, pt(40, 40), map[image.Point]color.NRGBA{pt(30, 30): red, pt(5, 5): none}},
		{"a frame larger than the canvas", gifFile{pt(10, 10), rect(0, 0, 40, 40), whiteRed, nil, -1, false, nil}, pt(40, 40), map[image.Point]color.NRGBA{pt(30, 30): red}},
		{"a frame beyond the canvas", gifFile{pt(10, 10), rect(20, 20, 40, 40), whiteRed, nil, -1, false, nil}, pt(40, 40), map[image.Point]color.NRGBA{pt(30, 30): red, pt(5, 5): none}},
		{"no canvas", gifFile{pt(0, 0), rect(0, 0, 40, 40), whiteRed, nil, -1, false, nil}, pt(40, 40), map[image.Point]color.NRGBA{pt(20, 20): red}},
		{"local colours", gifFile{pt(40, 40), rect(0, 0, 40, 40), whiteRed, whiteBlue, -1, false, nil}, pt(40, 40), map[image.Point]color.NRGBA{pt(20, 20): blue}},
		{"local colours alone", gifFile{pt(40, 40), rect(0, 0, 40, 40), nil, whiteBlue, -1, false, nil}, pt(40, 40), map[image.Point]color.NRGBA{pt(20, 20): blue}},
		{"transparent", gifFile{pt(40, 40), rect(0, 0, 40, 40), whiteRed, nil, 1, false, nil}, pt(40, 40), map[image.Point]color.NRGBA{pt(20, 20): none}},
		{"a colour that the table lacks", gifFile{pt(40, 40), rect(0, 0, 40, 40), whiteRed, nil, -1, false, func(x, y int) byte { return 200 }}, pt(40, 40),
			map[image.Point]color.NRGBA{pt(20, 20): {0, 0, 0, 255}}},
		{"interlaced", gifFile{pt(40, 40), rect(0, 0, 40, 40), whiteRed, nil, -1, true, func(x, y int) byte { return byte(y / 20) }}, pt(40, 40),
			map[image.Point]color.NRGBA{pt(20, 10): {255, 255, 255, 255}, pt(20, 30): red}},
	}
	p := newPipeline(t, avatar.Config{Encoder: avatar.PNG{}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := render(t, p, tt.file.encode())
			if got := image.Pt(set.Source.Width, set.Source.Height); got != tt.size || len(set.Source.Warnings) > 0 {
				t.Errorf("source is %+v, want %v", set.Source, tt.size)
			}
			m := decodePicture(t, set.Pictures[0])
			for at, want := range tt.want {
				if got := color.NRGBAModel.Convert(m.At(at.X, at.Y)).(color.NRGBA); got.A != want.A || !near(got, want, 3) {
					t.Errorf("%v is %v, want %v", at, got, want)
				}
			}
		})
	}
}

func TestRenderDamagedGIF(t *testing.T) {
	noise := func(x, y int) byte { return byte(y/60*2 + (x*x*y+x)%7%2) }
	colors := []byte{255, 0, 0, 250, 0, 0, 0, 0, 255, 0, 0, 250} // two reds above, two blues below
	whole := gifFile{image.Pt(120, 120), image.Rect(0, 0, 120, 120), colors, nil, -1, false, noise}.encode()
	tests := []struct {
		name  string
		data  []byte
		shown bool
	}{
		{"without its end", whole[:len(whole)-1], true},
		{"cut in the last tenth", whole[:len(whole)*95/100], true},
		{"cut behind the first row", whole[:200], true},
		{"cut in the colours", whole[:20], false},
		{"cut behind the frame header", whole[:37], false},
		{"header alone", whole[:13], false},
		{"no frame", append(bytes.Clone(whole[:25]), 0x3b), false},
		{"no colours", gifFile{image.Pt(9, 9), image.Rect(0, 0, 9, 9), nil, nil, -1, false, nil}.encode(), false},
		{"an empty frame", gifFile{image.Pt(9, 9), image.Rect(3, 3, 3, 3), colors, nil, -1, false, nil}.encode(), false},
	}
	p := newPipeline(t, avatar.Config{Crop: avatar.Crop{Mode: avatar.CropCentre}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := p.Render(t.Context(), bytes.NewReader(tt.data))
			if !tt.shown {
				wantReject(t, err, avatar.ReasonCorrupt, "gif")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m := decodePicture(t, set.Pictures[0]); tt.name != "cut behind the first row" {
				wantColor(t, m, 60, 20, color.NRGBA{R: 255, A: 255})
			}
		})
	}
}
