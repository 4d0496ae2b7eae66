package avatar_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// profile makes an ICC profile of the given tags.
func profile(space, pcs string, tags ...[]byte) []byte {
	data := make([]byte, 128)
	copy(data[12:], "mntr"+space+pcs)
	copy(data[36:], "acsp")
	data = binary.BigEndian.AppendUint32(data, uint32(len(tags)))
	offset := 132 + 12*len(tags)
	var bodies []byte
	for _, tag := range tags {
		data = append(data, tag[:4]...)
		data = binary.BigEndian.AppendUint32(data, uint32(offset+len(bodies)))
		data = binary.BigEndian.AppendUint32(data, uint32(len(tag)-4))
		bodies = append(bodies, tag[4:]...)
	}
	return append(data, bodies...)
}

// tag is a tag whose type is made of numbers in 16.16.
func tag(name, kind string, values ...float64) []byte {
	b := append([]byte(name+kind), 0, 0, 0, 0)
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*65536))))
	}
	return b
}

func curve(name string, kind uint16, values ...float64) []byte {
	b := binary.BigEndian.AppendUint16([]byte(name+"para\x00\x00\x00\x00"), kind)
	return append(append(b, 0, 0), tag("", "", values...)[4:]...)
}

func gamma(name string, exponent float64) []byte {
	b := append([]byte(name+"curv"), 0, 0, 0, 0, 0, 0, 0, 1)
	return binary.BigEndian.AppendUint16(b, uint16(math.Round(exponent*256)))
}

func rgbProfile(curve func(name string) []byte, c [9]float64) []byte {
	return profile("RGB ", "XYZ ", tag("rXYZ", "XYZ ", c[0:3]...), tag("gXYZ", "XYZ ", c[3:6]...), tag("bXYZ", "XYZ ", c[6:9]...),
		curve("rTRC"), curve("gTRC"), curve("bTRC"))
}

func displayP3() []byte {
	curve := func(name string) []byte { return curve(name, 3, 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045) }
	return rgbProfile(curve, [9]float64{0.51512, 0.24120, -0.00105, 0.29198, 0.69225, 0.04189, 0.15710, 0.06657, 0.78407})
}

func adobeRGB() []byte {
	return rgbProfile(func(name string) []byte { return gamma(name, 563.0/256) }, [9]float64{0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457})
}

func proPhoto() []byte {
	return rgbProfile(func(name string) []byte { return gamma(name, 1.8) }, [9]float64{0.79767, 0.28804, 0, 0.13519, 0.71188, 0, 0.03134, 0.00009, 0.82491})
}

func grayGamma(exponent float64) []byte { return profile("GRAY", "XYZ ", gamma("kTRC", exponent)) }

// iccp is the body of PNG's chunk for a profile.
func iccp(profile []byte) []byte {
	b := bytes.NewBuffer([]byte("icc\x00\x00"))
	z := zlib.NewWriter(b)
	z.Write(profile)
	z.Close()
	return b.Bytes()
}

func plain(m interface {
	image.Image
	Set(x, y int, c color.Color)
}, c color.Color) image.Image {
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			m.Set(x, y, c)
		}
	}
	return m
}

// TestRenderColor converts one colour of each space to sRGB. The wanted ones are what Little CMS makes of the same colour, to within one.
func TestRenderColor(t *testing.T) {
	rgba := func(r, g, b uint8) image.Image {
		return plain(image.NewNRGBA(image.Rect(0, 0, 96, 96)), color.NRGBA{r, g, b, 255})
	}
	gray := func(v uint8) image.Image { return plain(image.NewGray(image.Rect(0, 0, 96, 96)), color.Gray{v}) }
	withICC := func(m image.Image, p []byte) []byte { return withPNGChunk(encodePNG(t, m), "iCCP", iccp(p)) }
	chunked := func(m image.Image, p []byte) []byte {
		data := encodeJPEG(t, m)
		half := len(p) / 2
		data = withJPEGSegment(data, 0xe2, append([]byte("ICC_PROFILE\x00\x02\x02"), p[half:]...)) // the parts may come in any order
		return withJPEGSegment(data, 0xe2, append([]byte("ICC_PROFILE\x00\x01\x02"), p[:half]...))
	}
	webp := func(m image.Image, p []byte) []byte {
		return riff(canvas(1<<5, 96, 96), riffChunk("ICCP", p), encodeWebP(t, m, true)[12:])
	}
	tests := []struct {
		name    string
		data    []byte
		want    color.NRGBA
		profile string // of Source; "" for none
		warning string
	}{
		{"none", encodePNG(t, rgba(200, 100, 50)), color.NRGBA{200, 100, 50, 255}, "", ""},
		{"Display P3 in PNG", withICC(rgba(200, 100, 50), displayP3()), color.NRGBA{215, 93, 31, 255}, "unnamed", ""},
		{"Display P3 in JPEG, two parts", chunked(rgba(200, 100, 50), displayP3()), color.NRGBA{215, 93, 31, 255}, "unnamed", ""},
		{"Display P3 in WebP", webp(rgba(200, 100, 50), displayP3()), color.NRGBA{215, 93, 31, 255}, "unnamed", ""},
		{"profile of 5 MiB in WebP", webp(rgba(200, 100, 50), make([]byte, 5<<20)), color.NRGBA{200, 100, 50, 255}, "", "ignored"},
		{"Adobe RGB", withICC(rgba(200, 100, 50), adobeRGB()), color.NRGBA{228, 100, 43, 255}, "unnamed", ""},
		{"ProPhoto", withICC(rgba(120, 100, 80), proPhoto()), color.NRGBA{159, 114, 94, 255}, "unnamed", ""},
		{"a red that sRGB lacks", withICC(rgba(255, 0, 0), displayP3()), color.NRGBA{255, 0, 0, 255}, "unnamed", ""},
		{"grey, gamma 1", withICC(gray(128), grayGamma(1)), color.NRGBA{188, 188, 188, 255}, "unnamed", ""},
		{"grey JPEG, gamma 1.8", chunked(gray(128), grayGamma(1.8)), color.NRGBA{147, 147, 147, 255}, "unnamed", ""},
		{"grey JPEG with a profile for RGB", chunked(gray(128), adobeRGB()), color.NRGBA{128, 128, 128, 255}, "unnamed", ""},
		{"RGB with a profile for grey", withICC(rgba(200, 100, 50), grayGamma(1)), color.NRGBA{200, 100, 50, 255}, "", "another kind"},
		{"look-up tables", withICC(rgba(200, 100, 50), profile("RGB ", "Lab ", tag("A2B0", "mft2", 1, 2, 3))), color.NRGBA{200, 100, 50, 255}, "", "look-up tables"},
		{"CMYK profile in RGB", withICC(rgba(200, 100, 50), profile("CMYK", "Lab ")), color.NRGBA{200, 100, 50, 255}, "", `"CMYK"`},
		{"no profile at all", withICC(rgba(200, 100, 50), []byte("hello")), color.NRGBA{200, 100, 50, 255}, "", "broken"},
		{"profile that does not decompress", withPNGChunk(encodePNG(t, rgba(200, 100, 50)), "iCCP", []byte("icc\x00\x00nothing")), color.NRGBA{200, 100, 50, 255}, "", "ignored"},
		{"profile of 64 MiB", withICC(rgba(200, 100, 50), make([]byte, 64<<20)), color.NRGBA{200, 100, 50, 255}, "", "ignored"},
		{"part of a profile", withJPEGSegment(encodeJPEG(t, rgba(200, 100, 50)), 0xe2, append([]byte("ICC_PROFILE\x00\x01\x02"), displayP3()...)), color.NRGBA{200, 100, 50, 255}, "", "part 2 of 2"},
		{"gAMA 1", withPNGChunk(encodePNG(t, gray(128)), "gAMA", []byte{0, 1, 0x86, 0xa0}), color.NRGBA{188, 188, 188, 255}, "gamma 1.00", ""},
		{"gAMA 1/2.2", withPNGChunk(encodePNG(t, gray(128)), "gAMA", []byte{0, 0, 0xb1, 0x8f}), color.NRGBA{128, 128, 128, 255}, "", ""},
		{"gAMA 0", withPNGChunk(encodePNG(t, gray(128)), "gAMA", []byte{0, 0, 0, 0}), color.NRGBA{128, 128, 128, 255}, "", ""},
		{"gAMA beyond reason", withPNGChunk(encodePNG(t, gray(128)), "gAMA", []byte{0, 0, 0, 1}), color.NRGBA{128, 128, 128, 255}, "", "exponent"},
		{"cHRM of nothing", withPNGChunk(encodePNG(t, gray(128)), "cHRM", make([]byte, 32)), color.NRGBA{128, 128, 128, 255}, "", "primaries"},
		{"sRGB over gAMA", withPNGChunk(withPNGChunk(encodePNG(t, gray(128)), "gAMA", []byte{0, 1, 0x86, 0xa0}), "sRGB", []byte{0}), color.NRGBA{128, 128, 128, 255}, "", ""},
		{"cICP Display P3", withPNGChunk(encodePNG(t, rgba(200, 100, 50)), "cICP", []byte{12, 13, 0, 1}), color.NRGBA{215, 93, 31, 255}, "cICP 12/13", ""},
		{"cICP PQ", withPNGChunk(encodePNG(t, rgba(200, 100, 50)), "cICP", []byte{9, 16, 0, 1}), color.NRGBA{200, 100, 50, 255}, "", "cICP 9/16"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, linear := range []bool{false, true} {
				set := render(t, newPipeline(t, avatar.Config{Encoder: avatar.PNG{}, Linear: linear}), tt.data)
				got := color.NRGBAModel.Convert(decodePicture(t, set.Pictures[1]).At(40, 40)).(color.NRGBA)
				const tolerance = 2
				if far(got.R, tt.want.R) > tolerance || far(got.G, tt.want.G) > tolerance || far(got.B, tt.want.B) > tolerance {
					t.Errorf("linear %v: got %v, want %v", linear, got, tt.want)
				}
				if set.Source.Profile != tt.profile {
					t.Errorf("profile %q, want %q", set.Source.Profile, tt.profile)
				}
				if warnings := strings.Join(set.Source.Warnings, "; "); (warnings == "") != (tt.warning == "") || !strings.Contains(warnings, tt.warning) {
					t.Errorf("warnings %q, want %q", warnings, tt.warning)
				}
			}
		})
	}
}

func far(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// In linear light, black and white in equal parts give half the light, which sRGB codes as 188.
func TestRenderLinear(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 512, 512))
	for i := range m.Pix {
		m.Pix[i] = 255 * uint8((i+i/512)%2)
	}
	small := avatar.Kind{Name: "avatar", Variants: []avatar.Variant{{Name: "s", Width: 32, Height: 32}}}
	for linear, want := range map[bool]uint8{false: 128, true: 188} {
		set := render(t, newPipeline(t, avatar.Config{Kind: small, Linear: linear, Encoder: avatar.PNG{}}), encodePNG(t, m))
		got := color.GrayModel.Convert(decodePicture(t, set.Pictures[0]).At(16, 16)).(color.Gray).Y
		if far(got, want) > 2 {
			t.Errorf("linear %v: %d, want %d", linear, got, want)
		}
	}
}
