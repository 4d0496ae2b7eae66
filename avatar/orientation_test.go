package avatar_test

import (
	"bytes"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// TestRenderOddEXIF has the blocks where and how writers leave them. Chromium shows the JPEGs the same way, but for those without an orientation in the first block.
func TestRenderOddEXIF(t *testing.T) {
	const size = 64
	app1 := func(orientation byte) []byte { return append([]byte("Exif\x00\x00"), exifBlock(int(orientation))...) }
	xmp := []byte("http://ns.adobe.com/xap/1.0/\x00<rdf:Description tiff:Orientation='3'/>")
	extended := append([]byte("Exif\x00\x00"), bytes.Repeat([]byte{'x'}, 60000)...)
	jpeg := func(segments ...[]byte) []byte {
		data := encodeJPEG(t, quarters(size, size))
		for i := len(segments) - 1; i >= 0; i-- {
			data = withJPEGSegment(data, 0xe1, segments[i])
		}
		return data
	}
	before := func(data []byte, marker string, body []byte) []byte {
		at := bytes.Index(data, []byte(marker))
		segment := withJPEGSegment([]byte{0xff, 0xd8}, 0xe1, body)[2:]
		return append(append(bytes.Clone(data[:at]), segment...), data[at:]...)
	}
	whole := encodePNG(t, quarters(size, size))
	damaged := pngChunk("eXIf", exifBlock(6))
	damaged[len(damaged)-1] ^= 1
	lossless := encodeWebP(t, quarters(size, size), true)[12:]
	tests := []struct {
		name string
		data []byte
		want int
	}{
		{"none", jpeg(), 1},
		{"XMP first", jpeg(xmp, app1(6)), 6},
		{"XMP alone", jpeg(xmp), 1},
		{"two blocks", jpeg(app1(6), app1(3)), 6},
		{"two blocks, the first upright", jpeg(app1(1), app1(3)), 1},
		{"two blocks, the first invalid", jpeg(app1(9), app1(3)), 3},
		{"two blocks, the first broken", jpeg([]byte("Exif\x00\x00rubbish"), app1(8)), 8},
		{"one block over two segments", jpeg(append(app1(5), make([]byte, 60000)...), extended), 5},
		{"zero", jpeg(app1(0)), 1},
		{"nine", jpeg(app1(9)), 1},
		{"another letter case", jpeg(append([]byte("exif\x00\x00"), exifBlock(6)...)), 1},
		{"behind the frame header", before(jpeg(), "\xff\xda", app1(7)), 7},
		{"behind the picture", before(jpeg(), "\xff\xd9", app1(7)), 1},
		{"PNG, behind the picture data", append(append(bytes.Clone(whole[:len(whole)-12]), pngChunk("eXIf", exifBlock(4))...), whole[len(whole)-12:]...), 4},
		{"PNG, with JPEG's prefix", withPNGChunk(whole, "eXIf", app1(2)), 2},
		{"PNG, two chunks", withPNGChunk(withPNGChunk(whole, "eXIf", exifBlock(3)), "eXIf", exifBlock(6)), 6},
		{"PNG, wrong checksum", append(append(bytes.Clone(whole[:33]), damaged...), whole[33:]...), 1},
		{"WebP, with JPEG's prefix", riff(canvas(1<<3, size, size), lossless, riffChunk("EXIF", app1(6))), 6},
		{"WebP, not announced", riff(canvas(0, size, size), lossless, riffChunk("EXIF", exifBlock(6))), 6},
		{"WebP, behind the end", append(riff(canvas(1<<3, size, size), lossless), riffChunk("EXIF", exifBlock(6))...), 1},
		{"WebP, before the picture", riff(canvas(1<<3, size, size), riffChunk("EXIF", exifBlock(6)), lossless), 6},
	}
	p := newPipeline(t, avatar.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := render(t, p, tt.data)
			if set.Source.Orientation != tt.want {
				t.Fatalf("orientation %d, want %d", set.Source.Orientation, tt.want)
			}
			// What was stored upright is now laid by the inverse of the orientation.
			inverse := [9]int{0, 1, 2, 3, 4, 5, 8, 7, 6}[tt.want]
			m, want := decodePicture(t, set.Pictures[0]), lay(quarters(size, size), inverse)
			for _, at := range [][2]int{{16, 16}, {48, 16}, {16, 48}, {48, 48}} {
				wantColor(t, m, at[0], at[1], want.At(at[0], at[1]))
			}
		})
	}
}
