package avatar_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"
	"slices"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/avatar/avif"
	"github.com/cruddur/avatarkit/avatar/webp"
)

// secret stands for what must not leave: it is in every field that can hold text.
const secret = "GPS 52.5200N 13.4050E"

// withSecrets returns a picture in every format, with metadata of every kind that the format has.
func withSecrets(t testing.TB) map[string][]byte {
	m := quarters(300, 300)
	exif := append(exifBlock(1), secret...)
	profile := append(displayP3(), secret...)
	xmp := []byte("<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + secret + "</x:xmpmeta>")
	packed := new(bytes.Buffer)
	z := zlib.NewWriter(packed)
	z.Write([]byte(secret))
	z.Close()

	jpg := encodeJPEG(t, m)
	for _, s := range []struct {
		marker byte
		body   string
	}{
		{0xe0, "JFXX\x00\x10" + secret}, // a thumbnail
		{0xe1, "Exif\x00\x00" + string(exif) + string(jpg[:200])},
		{0xe1, "http://ns.adobe.com/xap/1.0/\x00" + string(xmp)},
		{0xe2, "ICC_PROFILE\x00\x01\x01" + string(profile)},
		{0xe2, "MPF\x00" + secret},
		{0xeb, "JP" + secret}, // JUMBF, which holds C2PA
		{0xed, "Photoshop 3.0\x008BIM\x04\x04\x00\x00" + secret},
		{0xef, secret},
		{0xfe, secret},
	} {
		jpg = withJPEGSegment(jpg, s.marker, []byte(s.body))
	}
	jpg = append(jpg, secret...) // behind the end

	png := encodePNG(t, m)
	for _, c := range []struct{ kind, body string }{
		{"eXIf", string(exif)}, {"iCCP", string(iccp(profile))}, {"tIME", "\x07\xe8\x01\x01\x00\x00\x00"}, {"pHYs", "\x00\x00\x0b\x13\x00\x00\x0b\x13\x01"},
		{"tEXt", "Comment\x00" + secret}, {"zTXt", "Comment\x00\x00" + packed.String()}, {"iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00" + string(xmp)}, {"prVt", secret},
	} {
		png = withPNGChunk(png, c.kind, []byte(c.body))
	}
	png = append(png, secret...)

	var g bytes.Buffer
	if err := gif.Encode(&g, m, nil); err != nil {
		t.Fatal(err)
	}
	blocks := "\x21\xfe" + string(rune(len(secret))) + secret + "\x00" + "\x21\xff\x0bXMP DataXMP" + string(rune(len(secret))) + secret + "\x00"
	at := 13 + 3*256
	gifFile := append(append(bytes.Clone(g.Bytes()[:at]), blocks...), g.Bytes()[at:]...)

	webp := riff(canvas(1<<5|1<<3|1<<2, 300, 300), riffChunk("ICCP", profile), encodeWebP(t, m, false)[12:], riffChunk("EXIF", exif), riffChunk("XMP ", xmp), riffChunk("SECR", []byte(secret)))
	return map[string][]byte{"jpeg": jpg, "png": png, "gif": gifFile, "webp": webp}
}

// TestRenderLeavesNoMetadata renders every format to every other and looks at each part of what came out: only those that hold pixels are allowed.
func TestRenderLeavesNoMetadata(t *testing.T) {
	encoders := []avatar.Encoder{avatar.JPEG{}, avatar.PNG{}, webp.Encoder{}, webp.Encoder{Lossless: true}, avif.Encoder{}}
	small := avatar.Kind{Name: "avatar", Variants: []avatar.Variant{{Name: "96", Width: 96, Height: 96}, {Name: "32", Width: 32, Height: 32}}}
	for format, data := range withSecrets(t) {
		if !bytes.Contains(data, []byte(secret)) {
			t.Fatalf("%s holds no secret", format)
		}
		for _, encoder := range encoders {
			t.Run(fmt.Sprintf("%s to %T", format, encoder), func(t *testing.T) {
				set := render(t, newPipeline(t, avatar.Config{Kind: small, Encoder: encoder}), data)
				if set.Source.Format != format || len(set.Source.Warnings) > 0 {
					t.Fatalf("source is %+v", set.Source)
				}
				for _, pic := range set.Pictures {
					wantPixelsOnly(t, pic)
				}
			})
		}
	}
}

// wantPixelsOnly fails when a picture has a part that is not needed to show it.
func wantPixelsOnly(t *testing.T, pic avatar.Picture) {
	t.Helper()
	var parts, allowed []string
	switch pic.Ext {
	case "jpg":
		parts, allowed = jpegParts(pic.Data), []string{"d8", "JFIF", "db", "c0", "c4", "da", "d9"}
	case "png":
		parts, allowed = pngParts(pic.Data), []string{"IHDR", "PLTE", "tRNS", "IDAT", "IEND"}
	case "webp":
		parts, allowed = riffParts(pic.Data), []string{"VP8 ", "VP8L", "VP8X", "ALPH"}
	case "avif":
		parts, allowed = boxParts(pic.Data), []string{"ftyp", "meta", "mdat"}
		for _, item := range []string{"Exif", "mime", "prof", "rICC"} {
			if bytes.Contains(pic.Data, []byte(item)) {
				t.Errorf("%s has an item or property %q", pic.Name, item)
			}
		}
	}
	if len(parts) < 2 && pic.Ext != "webp" {
		t.Errorf("%s has the parts %q", pic.Name, parts)
	}
	for _, part := range parts {
		if !slices.Contains(allowed, part) {
			t.Errorf("%s has a part %q", pic.Name, part)
		}
	}
	for _, word := range []string{secret[:8], "Exif", "MM\x00*", "adobe", "Photoshop", "acsp", "JFXX", "Comment"} {
		if strings.Contains(string(pic.Data), word) {
			t.Errorf("%s holds %q", pic.Name, word)
		}
	}
}

// jpegParts lists the markers, "JFIF" for that segment without a thumbnail, and "rest" for bytes behind the end.
func jpegParts(data []byte) []string {
	parts := []string{"d8"}
	for pos := 2; pos+4 <= len(data); {
		marker := data[pos+1]
		if bytes.HasPrefix(data[pos:], []byte("\xff\xe0\x00\x10JFIF\x00")) {
			parts = append(parts, "JFIF")
		} else {
			parts = append(parts, fmt.Sprintf("%x", marker))
		}
		pos += 2 + int(binary.BigEndian.Uint16(data[pos+2:]))
		if marker != 0xda {
			continue
		}
		for pos+1 < len(data) && (data[pos] != 0xff || data[pos+1] == 0) {
			pos++
		}
		if pos+2 != len(data) {
			return append(parts, "rest")
		}
		return append(parts, fmt.Sprintf("%x", data[pos+1]))
	}
	return append(parts, "rest")
}

func pngParts(data []byte) (parts []string) {
	for pos := 8; pos+12 <= len(data); pos += 12 + int(binary.BigEndian.Uint32(data[pos:])) {
		parts = append(parts, string(data[pos+4:pos+8]))
	}
	if !bytes.HasSuffix(data, pngChunk("IEND", nil)) {
		parts = append(parts, "rest")
	}
	return parts
}

func riffParts(data []byte) (parts []string) {
	if int(binary.LittleEndian.Uint32(data[4:]))+8 != len(data) {
		parts = append(parts, "rest")
	}
	for pos := 12; pos+8 <= len(data); {
		size := int(binary.LittleEndian.Uint32(data[pos+4:]))
		parts = append(parts, string(data[pos:pos+4]))
		pos += 8 + size + size%2
	}
	return parts
}

func boxParts(data []byte) (parts []string) {
	for pos := 0; pos+8 <= len(data); pos += max(8, int(binary.BigEndian.Uint32(data[pos:]))) {
		parts = append(parts, string(data[pos+4:pos+8]))
	}
	return parts
}

// TestRenderIsRepeatable renders twice, from two readers, and once more from its own output: the same bytes come of the same bytes, and the same picture of the picture.
func TestRenderIsRepeatable(t *testing.T) {
	p := newPipeline(t, avatar.Config{AlphaEncoder: avatar.PNG{}})
	for format, data := range withSecrets(t) {
		t.Run(format, func(t *testing.T) {
			first, again := render(t, p, data), render(t, p, data)
			for i := range first.Pictures {
				if !bytes.Equal(first.Pictures[i].Data, again.Pictures[i].Data) {
					t.Errorf("%s differs from one call to the next", first.Pictures[i].Name)
				}
			}
			third := render(t, p, first.Pictures[0].Data)
			if len(third.Source.Warnings) > 0 || third.Source.Orientation != 1 || third.Source.Profile != "" {
				t.Errorf("our own picture is %+v", third.Source)
			}
			if worst, mean := difference(decodePicture(t, first.Pictures[0]), decodePicture(t, third.Pictures[0])); worst > 40 || mean > 1.5 {
				t.Errorf("rendered again it differs by %d, %.2f on average", worst, mean)
			}
		})
	}
}

// difference returns the largest and the mean difference of the samples of two pictures of the same size.
func difference(a, b image.Image) (worst int, mean float64) {
	size := a.Bounds().Size()
	if b.Bounds().Size() != size {
		return 255, 255
	}
	sum := 0
	for y := range size.Y {
		for x := range size.X {
			r1, g1, b1, a1 := a.At(a.Bounds().Min.X+x, a.Bounds().Min.Y+y).RGBA()
			r2, g2, b2, a2 := b.At(b.Bounds().Min.X+x, b.Bounds().Min.Y+y).RGBA()
			for _, d := range [4]int{int(r1>>8) - int(r2>>8), int(g1>>8) - int(g2>>8), int(b1>>8) - int(b2>>8), int(a1>>8) - int(a2>>8)} {
				worst, sum = max(worst, d, -d), sum+max(d, -d)
			}
		}
	}
	return worst, float64(sum) / float64(4*size.X*size.Y)
}
