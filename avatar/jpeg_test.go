package avatar_test

import (
	"bytes"
	"fmt"
	"image/color"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

func TestRenderTruncatedJPEGShowsWhatIsThere(t *testing.T) {
	data := encodeJPEG(t, quarters(640, 640))
	for _, share := range []int{60, 80, 95} {
		set := render(t, newPipeline(t, avatar.Config{}), data[:len(data)*share/100])
		if len(set.Source.Warnings) == 0 {
			t.Errorf("%d %%: no warning", share)
		}
		m := decodePicture(t, set.Pictures[0])
		wantColor(t, m, 20, 20, color.NRGBA{R: 255, A: 255})
		wantColor(t, m, 500, 20, color.NRGBA{G: 255, A: 255})
	}
}

func TestRenderDamagedJPEG(t *testing.T) {
	data := bytes.Clone(encodeJPEG(t, quarters(640, 640)))
	data[len(data)*9/10] ^= 0x55
	m := decodePicture(t, render(t, newPipeline(t, avatar.Config{}), data).Pictures[0])
	wantColor(t, m, 20, 20, color.NRGBA{R: 255, A: 255})
}

// flatJPEG is a JPEG whose left half has one value in each component and whose right half another. All blocks are flat.
type flatJPEG struct {
	width, height int
	factors       []byte // sampling factors, across in the upper four bits
	left, right   []byte
	frame         byte // marker; 0 is baseline
	restart       int  // MCUs between restart markers
	split         bool // every component in a scan of its own
	adobe         int  // transform, or -1 for no marker
	fill          bool // the fill bytes that are allowed before markers
}

func (f flatJPEG) encode() []byte {
	var b bytes.Buffer
	segment := func(marker byte, body ...byte) {
		if f.fill {
			b.Write([]byte{0xff, 0xff})
		}
		b.Write([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)})
		b.Write(body)
	}
	b.Write([]byte{0xff, 0xd8})
	if f.adobe >= 0 {
		segment(0xee, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), byte(f.adobe))...)
	}
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{8}, 64)...)...) // a DC step of 8 is one grey level
	frame := []byte{8, byte(f.height >> 8), byte(f.height), byte(f.width >> 8), byte(f.width), byte(len(f.factors))}
	hmax, vmax := 1, 1
	for i, hv := range f.factors {
		frame = append(frame, byte(i+1), hv, 0)
		hmax, vmax = max(hmax, int(hv>>4)), max(vmax, int(hv&15))
	}
	segment(max(f.frame, 0xc0), frame...)
	// DC: the categories 0 to 8 have codes of four bits, each its own number. AC: one code, end of block, of one bit.
	segment(0xc4, append(append([]byte{0x00}, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0, 1, 2, 3, 4, 5, 6, 7, 8)...)
	segment(0xc4, append(append([]byte{0x10}, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0)...)
	if f.restart > 0 {
		segment(0xdd, 0, byte(f.restart))
	}
	all := make([]int, len(f.factors))
	scans := [][]int{all}
	for i := range all {
		all[i] = i
		if f.split {
			scans = append(scans[:i], []int{i})
		}
	}
	for _, scan := range scans {
		head := []byte{byte(len(scan))}
		for _, i := range scan {
			head = append(head, byte(i+1), 0)
		}
		if f.frame == 0xc2 {
			segment(0xda, append(head, 0, 0, 0)...) // the DC terms alone
		} else {
			segment(0xda, append(head, 0, 63, 0)...)
		}
		f.scan(&b, scan, hmax, vmax)
	}
	b.Write([]byte{0xff, 0xd9})
	return b.Bytes()
}

// scan writes the entropy-coded data of some components.
func (f flatJPEG) scan(b *bytes.Buffer, scan []int, hmax, vmax int) {
	up := func(n, d int) int { return (n + d - 1) / d }
	across, down := up(f.width, 8*hmax), up(f.height, 8*vmax)
	alone := len(scan) == 1 // then there is no padding to whole MCUs
	if alone {
		h, v := int(f.factors[scan[0]]>>4), int(f.factors[scan[0]]&15)
		across, down = up(up(f.width*h, hmax), 8), up(up(f.height*v, vmax), 8)
	}
	var acc uint64
	n := 0
	put := func(v, bits int) {
		acc, n = acc<<bits|uint64(v), n+bits
		for ; n >= 8; n -= 8 {
			v := byte(acc >> (n - 8))
			b.WriteByte(v)
			if v == 0xff {
				b.WriteByte(0)
			}
		}
	}
	flush := func() { put(1<<((8-n)%8)-1, (8-n)%8) }
	last := make([]int, 4)
	for mcu := range across * down {
		if f.restart > 0 && mcu > 0 && mcu%f.restart == 0 {
			flush()
			b.Write([]byte{0xff, 0xd0 + byte((mcu/f.restart-1)%8)})
			clear(last)
		}
		for _, i := range scan {
			blocks := int(f.factors[i]>>4) * int(f.factors[i]&15)
			if alone {
				blocks = 1
			}
			v := int(f.left[i]) - 128
			if 2*(mcu%across) >= across {
				v = int(f.right[i]) - 128
			}
			for range blocks {
				put(f.block(v - last[i]))
				last[i] = v
			}
		}
	}
	flush()
}

// block is a flat block, the difference to the last and the end of the block, and its number of bits.
func (f flatJPEG) block(v int) (code, bits int) {
	category := 0
	for n := max(v, -v); n > 0; n >>= 1 {
		category++
	}
	if v < 0 {
		v += 1<<category - 1
	}
	code, bits = category<<category|v, 4+category
	if f.frame == 0xc2 {
		return code, bits
	}
	return code << 1, bits + 1
}

// cmykJPEG is a baseline JPEG of four components of one value each, with an Adobe marker.
func cmykJPEG(transform byte, components [4]byte) []byte {
	return flatJPEG{width: 8, height: 8, factors: []byte{0x11, 0x11, 0x11, 0x11}, left: components[:], right: components[:], adobe: int(transform)}.encode()
}

// TestRenderJPEGKinds shows red on the left and blue on the right in every coding that browsers show.
func TestRenderJPEGKinds(t *testing.T) {
	red, blue := []byte{76, 85, 255}, []byte{29, 255, 107}
	factors := map[string][]byte{
		"4:4:4": {0x11, 0x11, 0x11}, "4:2:2": {0x21, 0x11, 0x11}, "4:2:0": {0x22, 0x11, 0x11}, "4:4:0": {0x12, 0x11, 0x11}, "4:1:1": {0x41, 0x11, 0x11},
		"4:1:0": {0x42, 0x11, 0x11}, "3x1": {0x31, 0x11, 0x11}, "1x4": {0x14, 0x11, 0x11}, "4:2:2 as 2x2 and 1x2": {0x22, 0x12, 0x12}, "all 2x1": {0x21, 0x21, 0x21},
		"3x2 and 1x2": {0x32, 0x12, 0x12}, "luma smaller than chroma": {0x11, 0x21, 0x21}, "uneven chroma": {0x22, 0x21, 0x12}, "two thirds": {0x32, 0x21, 0x11},
	}
	p := newPipeline(t, avatar.Config{Encoder: avatar.PNG{}, Crop: avatar.Crop{Mode: avatar.CropCentre}})
	for name, factors := range factors {
		for _, frame := range []byte{0xc0, 0xc1, 0xc2} {
			for _, restart := range []int{0, 1, 3} {
				for _, split := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, frame %x, restart %d, split %v", name, frame, restart, split), func(t *testing.T) {
						f := flatJPEG{width: 191, height: 77, factors: factors, left: red, right: blue, frame: frame, restart: restart, split: split, adobe: -1, fill: restart == 1}
						set := render(t, p, f.encode())
						if len(set.Source.Warnings) > 0 || set.Source.Width != 191 || set.Source.Height != 77 {
							t.Errorf("source is %+v", set.Source)
						}
						m := decodePicture(t, set.Pictures[0])
						wantColor(t, m, 3, 3, color.NRGBA{R: 255, A: 255})
						wantColor(t, m, 3, 73, color.NRGBA{R: 255, A: 255})
						wantColor(t, m, 73, 38, color.NRGBA{B: 255, A: 255})
					})
				}
			}
		}
	}
}

func TestRenderJPEGModels(t *testing.T) {
	p := newPipeline(t, avatar.Config{Encoder: avatar.PNG{}})
	tests := []struct {
		name       string
		adobe      int
		components []byte
		want       color.NRGBA
	}{
		{"grey", -1, []byte{200}, color.NRGBA{200, 200, 200, 255}},
		{"RGB by Adobe's marker", 0, []byte{200, 100, 50}, color.NRGBA{200, 100, 50, 255}},
		{"YCbCr by Adobe's marker", 1, []byte{76, 85, 255}, color.NRGBA{255, 0, 0, 255}},
		{"CMYK red, inverted", 0, []byte{255, 0, 0, 255}, color.NRGBA{255, 0, 0, 255}},
		{"CMYK half black, inverted", 0, []byte{255, 255, 255, 128}, color.NRGBA{128, 128, 128, 255}},
		{"CMYK without a marker", -1, []byte{76, 85, 255, 0}, color.NRGBA{255 - 76, 255 - 85, 0, 255}}, // 255 is full ink
		// In YCCK it is the amounts of ink that were taken for red, green and blue.
		{"YCCK white", 2, []byte{0, 128, 128, 255}, color.NRGBA{255, 255, 255, 255}},
		{"YCCK black by three inks", 2, []byte{255, 128, 128, 255}, color.NRGBA{0, 0, 0, 255}},
		{"YCCK cyan", 2, []byte{76, 85, 255, 255}, color.NRGBA{0, 255, 255, 255}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			factors := bytes.Repeat([]byte{0x11}, len(tt.components))
			f := flatJPEG{width: 24, height: 24, factors: factors, left: tt.components, right: tt.components, adobe: tt.adobe}
			wantColor(t, decodePicture(t, render(t, p, f.encode()).Pictures[0]), 12, 12, tt.want)
		})
	}
}

// TestRenderRefusesRareJPEG has the codings that browsers do not show either.
func TestRenderRefusesRareJPEG(t *testing.T) {
	plain := flatJPEG{width: 24, height: 24, factors: []byte{0x11, 0x11, 0x11}, left: []byte{76, 85, 255}, right: []byte{76, 85, 255}, adobe: -1}
	altered := func(at int, v byte) []byte {
		data := plain.encode()
		data[bytes.Index(data, []byte("\xff\xc0"))+at] = v
		return data
	}
	tests := []struct {
		name   string
		data   []byte
		reason avatar.Reason
	}{
		{"lossless", altered(1, 0xc3), avatar.ReasonUnsupportedFormat},
		{"hierarchical", altered(1, 0xc5), avatar.ReasonUnsupportedFormat},
		{"arithmetic", altered(1, 0xc9), avatar.ReasonUnsupportedFormat},
		{"arithmetic, progressive", altered(1, 0xca), avatar.ReasonUnsupportedFormat},
		{"12 bits", altered(4, 12), avatar.ReasonUnsupportedFormat},
		{"no height", altered(6, 0), avatar.ReasonDimensions},
		{"no width", altered(8, 0), avatar.ReasonDimensions},
		{"sampling factor 0", altered(11, 0x01), avatar.ReasonCorrupt},
		{"sampling factor 5", altered(11, 0x51), avatar.ReasonCorrupt},
		{"two components", altered(9, 2), avatar.ReasonCorrupt},
		{"a table that is missing", altered(12, 3), avatar.ReasonCorrupt},
	}
	p := newPipeline(t, avatar.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.Render(t.Context(), bytes.NewReader(tt.data))
			wantReject(t, err, tt.reason, "jpeg")
		})
	}
}
