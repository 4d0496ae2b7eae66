package avatar_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image/color"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// PNG's colour types.
const (
	pngGray      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGrayAlpha = 4
	pngRGBA      = 6
)

// rawPNG is a PNG of any kind that the format has. Samples returns those of a pixel.
func rawPNG(w, h int, depth, kind byte, interlaced bool, palette, trns []byte, samples func(x, y int) []uint16) []byte {
	ihdr := binary.BigEndian.AppendUint32(nil, uint32(w))
	ihdr = binary.BigEndian.AppendUint32(ihdr, uint32(h))
	passes := [][4]int{{0, 0, 1, 1}}
	ihdr = append(ihdr, depth, kind, 0, 0, 0)
	if interlaced {
		ihdr[12] = 1
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	var rows []byte
	for _, p := range passes {
		for y := p[1]; y < h && p[0] < w; y += p[3] {
			rows = append(rows, 0)
			acc, bits := 0, 0
			for x := p[0]; x < w; x += p[2] {
				for _, s := range samples(x, y) {
					acc, bits = acc<<depth|int(s), bits+int(depth)
					for ; bits >= 8; bits -= 8 {
						rows = append(rows, byte(acc>>(bits-8)))
					}
				}
			}
			if bits > 0 {
				rows = append(rows, byte(acc<<(8-bits)))
			}
		}
	}
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(rows)
	zw.Close()
	data := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", ihdr)...)
	if palette != nil {
		data = append(data, pngChunk("PLTE", palette)...)
	}
	if trns != nil {
		data = append(data, pngChunk("tRNS", trns)...)
	}
	data = append(data, pngChunk("IDAT", z.Bytes())...)
	return append(data, pngChunk("IEND", nil)...)
}

// TestRenderPNGKinds shows a dark left and a light right half, or red and blue ones, in every colour type and depth, plain and interlaced, opaque and with
// the right half transparent, over green.
func TestRenderPNGKinds(t *testing.T) {
	const w, h = 45, 37
	var (
		red, blue = color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}
		green     = color.NRGBA{0, 255, 0, 255}
	)
	palette := []byte{255, 0, 0, 0, 0, 255}
	for _, tt := range []struct {
		kind        byte
		depths      []byte
		left, right color.Color
		trns        func(depth byte) []byte // nil: no tRNS is allowed
	}{
		{pngGray, []byte{1, 2, 4, 8, 16}, color.Black, color.White, func(depth byte) []byte { return binary.BigEndian.AppendUint16(nil, uint16(1<<depth-1)) }},
		{pngRGB, []byte{8, 16}, red, blue, func(depth byte) []byte { return []byte{0, 0, 0, 0, byte(uint16(1<<depth-1) >> 8), 255} }},
		{pngPalette, []byte{1, 2, 4, 8}, red, blue, func(byte) []byte { return []byte{255, 0} }},
		{pngGrayAlpha, []byte{8, 16}, color.Black, color.White, nil},
		{pngRGBA, []byte{8, 16}, red, blue, nil},
	} {
		for _, depth := range tt.depths {
			for _, interlaced := range []bool{false, true} {
				for _, transparent := range []bool{false, true} {
					t.Run(fmt.Sprintf("kind %d, depth %d, interlaced %v, transparent %v", tt.kind, depth, interlaced, transparent), func(t *testing.T) {
						top, alpha := uint16(1<<depth-1), uint16(1<<depth-1)
						var plte, trns []byte
						if tt.kind == pngPalette {
							plte = palette
						}
						if transparent && tt.trns != nil {
							trns = tt.trns(depth)
						}
						data := rawPNG(w, h, depth, tt.kind, interlaced, plte, trns, func(x, _ int) []uint16 {
							right := x > w/2
							alpha = top
							if transparent && right {
								alpha = 0
							}
							switch {
							case tt.kind == pngPalette && right:
								return []uint16{1}
							case tt.kind == pngPalette:
								return []uint16{0}
							case tt.kind == pngGray && right:
								return []uint16{top}
							case tt.kind == pngGray:
								return []uint16{0}
							case tt.kind == pngGrayAlpha && right:
								return []uint16{top, alpha}
							case tt.kind == pngGrayAlpha:
								return []uint16{0, alpha}
							}
							s := []uint16{top, 0, 0, alpha}
							if right {
								s = []uint16{0, 0, top, alpha}
							}
							if tt.kind == pngRGB {
								return s[:3]
							}
							return s
						})
						set := render(t, newPipeline(t, avatar.Config{Background: green, Encoder: avatar.PNG{}, Crop: avatar.Crop{Mode: avatar.CropCentre}}), data)
						right := tt.right
						if transparent {
							right = color.NRGBA{}
						}
						m := decodePicture(t, set.Pictures[0])
						wantColor(t, m, 8, 18, tt.left)
						wantColor(t, m, 30, 18, right)
						if len(set.Source.Warnings) > 0 || set.Source.Width != w || set.Source.Height != h {
							t.Errorf("source is %+v", set.Source)
						}
						flat := render(t, newPipeline(t, avatar.Config{Background: green, Crop: avatar.Crop{Mode: avatar.CropCentre}}), data)
						if transparent {
							right = green
						}
						if c := decodePicture(t, flat.Pictures[0]).At(33, 18); !near(c, right, 24) {
							t.Errorf("flattened to %v, want %v", c, right)
						}
					})
				}
			}
		}
	}
}

// near compares what JPEG's chroma has been through.
func near(a, b color.Color, tolerance int) bool {
	x, y := color.NRGBAModel.Convert(a).(color.NRGBA), color.NRGBAModel.Convert(b).(color.NRGBA)
	return far(x.R, y.R) <= tolerance && far(x.G, y.G) <= tolerance && far(x.B, y.B) <= tolerance
}

// TestRenderDamagedPNG alters and cuts a PNG. Browsers show what is there; so do we, with a warning, and never with a wrong upper half.
func TestRenderDamagedPNG(t *testing.T) {
	noise := quarters(120, 120)
	for i := range noise.Pix {
		if i%4 != 3 {
			noise.Pix[i] ^= byte(i*i>>5) & 7 // so that it takes some bytes
		}
	}
	whole := encodePNG(t, noise)
	idat := bytes.Index(whole, []byte("IDAT"))
	alter := func(at int) []byte { d := bytes.Clone(whole); d[at] ^= 0x10; return d }
	text := pngChunk("tEXt", []byte("Comment\x00hello"))
	text[len(text)-1] ^= 1
	tests := []struct {
		name  string
		data  []byte
		shown bool
	}{
		{"checksum of the header", alter(29), true},
		{"checksum of a text", append(append(bytes.Clone(whole[:33]), text...), whole[33:]...), true},
		{"checksum of the data", alter(len(whole) - 13), true},
		{"a bit in the last tenth of the data", alter(idat + (len(whole)-idat)*9/10), true},
		{"without its end", whole[:len(whole)-12], true},
		{"cut in the last tenth", whole[:len(whole)*95/100], true},
		{"cut in the middle of the data", whole[:(idat+len(whole))/2], true},
		{"cut behind the header", whole[:idat-4], false},
		{"cut behind the first byte of data", whole[:idat+5], false},
		{"two headers", append(bytes.Clone(whole[:33]), whole[8:]...), false},
		{"no zlib stream", append(append(bytes.Clone(whole[:33]), pngChunk("IDAT", []byte("not compressed"))...), pngChunk("IEND", nil)...), false},
	}
	p := newPipeline(t, avatar.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := p.Render(t.Context(), bytes.NewReader(tt.data))
			if !tt.shown {
				wantReject(t, err, avatar.ReasonCorrupt, "png")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(set.Source.Warnings) != 1 {
				t.Errorf("warnings %q, want one", set.Source.Warnings)
			}
			wantColor(t, decodePicture(t, set.Pictures[0]), 20, 10, color.NRGBA{R: 255, A: 255})
		})
	}
}
