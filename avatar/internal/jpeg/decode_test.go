package jpeg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/jpeg"
)

// scales are those that a decoder has, in eighths.
var scales = []int{8, 6, 4, 3, 2, 1}

func same(points int) [4]int { return [4]int{points, points, points, points} }

// planes are what Decode delivered, put together.
type planes struct {
	rects []image.Rectangle
	pix   [][]byte
}

// decode decodes and checks that what comes is what was promised: every row once, in order.
func decode(data []byte, opts jpeg.Options) (*jpeg.Decoder, planes, error) {
	d, err := jpeg.NewDecoder(data)
	if err != nil {
		return nil, planes{}, err
	}
	var p planes
	if p.rects, err = d.Planes(opts); err != nil {
		return nil, planes{}, err
	}
	next := make([]int, len(p.rects))
	for i, r := range p.rects {
		p.pix = append(p.pix, make([]byte, r.Dx()*r.Dy()))
		next[i] = r.Min.Y
	}
	var wrong error
	err = d.Decode(context.Background(), opts, func(strip jpeg.Strip) error {
		for i := range strip {
			r := p.rects[i]
			for y := strip[i].Y; y < strip[i].Y+strip[i].Height; y++ {
				if y != next[i] || y >= r.Max.Y || strip[i].X != r.Min.X || strip[i].Width != r.Dx() {
					wrong = fmt.Errorf("component %d: row %d, columns from %d, %d of them; promised %v", i, y, strip[i].X, strip[i].Width, r)
					return wrong
				}
				copy(p.pix[i][(y-r.Min.Y)*r.Dx():], strip[i].Row(y))
				next[i]++
			}
		}
		return nil
	})
	if wrong != nil {
		panic(wrong)
	}
	var damage *jpeg.DamageError
	if err == nil || errors.As(err, &damage) {
		for i, r := range p.rects {
			if next[i] != r.Max.Y {
				panic(fmt.Sprintf("component %d ends at row %d of %d", i, next[i], r.Max.Y))
			}
		}
	}
	return d, p, err
}

// detail gives components with slopes, edges and texture.
func detail(comp, x, y int) float64 {
	f := 0.05 + 0.04*float64(comp)
	v := 128 + 70*math.Sin(f*float64(x)+0.3)*math.Cos(0.8*f*float64(y))
	if (x/13+y/19)%4 == comp {
		v += 40
	}
	return min(max(v+float64((x*7+y*13)%9-4), 0), 255)
}

var samplings = []struct {
	name  string
	comps []comp
}{
	{"grey", []comp{{h: 1, v: 1}}},
	{"grey with factors", []comp{{h: 2, v: 2}}},
	{"444", []comp{{h: 1, v: 1}, {h: 1, v: 1}, {h: 1, v: 1}}},
	{"422", []comp{{h: 2, v: 1}, {h: 1, v: 1}, {h: 1, v: 1}}},
	{"420", []comp{{h: 2, v: 2}, {h: 1, v: 1}, {h: 1, v: 1}}},
	{"440", []comp{{h: 1, v: 2}, {h: 1, v: 1}, {h: 1, v: 1}}},
	{"411", []comp{{h: 4, v: 1}, {h: 1, v: 1}, {h: 1, v: 1}}},
	{"410", []comp{{h: 4, v: 2}, {h: 1, v: 1}, {h: 1, v: 1}}},
	{"a third", []comp{{h: 3, v: 1}, {h: 1, v: 1}, {h: 1, v: 1}}},
	{"chroma larger than luma", []comp{{h: 1, v: 1}, {h: 2, v: 2}, {h: 2, v: 1}}},
	{"unequal chroma", []comp{{h: 2, v: 2}, {h: 1, v: 2}, {h: 2, v: 1}}},
	{"four components", []comp{{h: 1, v: 1}, {h: 1, v: 1}, {h: 1, v: 1}, {h: 1, v: 1}}},
	{"four, subsampled", []comp{{h: 2, v: 2}, {h: 1, v: 1}, {h: 1, v: 1}, {h: 2, v: 2}}},
}

// layouts are ways to lay the same coefficients out in scans.
var layouts = []struct {
	name  string
	apply func(p *picture)
}{
	{"sequential", func(*picture) {}},
	{"restart markers", func(p *picture) { p.restart = 3 }},
	{"a scan for each component", func(p *picture) { p.scans = each(p, scanSpec{se: 63}) }},
	{"spectral selection", func(p *picture) {
		p.progressive = true
		p.scans = append(together(p, scanSpec{}), each(p, scanSpec{ss: 1, se: 5}, scanSpec{ss: 6, se: 63})...)
	}},
	{"successive approximation", func(p *picture) {
		p.progressive, p.restart = true, 5
		p.scans = append(together(p, scanSpec{al: 1}), each(p, scanSpec{ss: 1, se: 63, al: 2}, scanSpec{ss: 1, se: 63, ah: 2, al: 1})...)
		p.scans = append(p.scans, together(p, scanSpec{ah: 1})...)
		p.scans = append(p.scans, each(p, scanSpec{ss: 1, se: 63, ah: 1})...)
	}},
	{"both, in odd bands", func(p *picture) {
		p.progressive = true
		p.scans = append(each(p, scanSpec{al: 2}, scanSpec{ah: 2, al: 1}, scanSpec{ah: 1}), each(p,
			scanSpec{ss: 3, se: 3, al: 1}, scanSpec{ss: 1, se: 2}, scanSpec{ss: 4, se: 40, al: 3}, scanSpec{ss: 41, se: 63},
			scanSpec{ss: 3, se: 3, ah: 1}, scanSpec{ss: 4, se: 40, ah: 3, al: 2}, scanSpec{ss: 4, se: 40, ah: 2, al: 1}, scanSpec{ss: 4, se: 40, ah: 1})...)
	}},
}

// together is one scan of all components.
func together(p *picture, s scanSpec) []scanSpec {
	for i := range p.comps {
		s.comps = append(s.comps, i)
	}
	return []scanSpec{s}
}

// each is the scans of each component.
func each(p *picture, specs ...scanSpec) (all []scanSpec) {
	for _, s := range specs {
		for i := range p.comps {
			s.comps = []int{i}
			all = append(all, s)
		}
	}
	return all
}

func newPicture(w, h int, comps []comp) *picture {
	p := &picture{width: w, height: h, comps: append([]comp(nil), comps...), adobe: -1}
	p.fillWith(detail)
	return p
}

// TestDecode holds every sampling, layout and scale against the definition of the transform in floating point. Rounding may differ by a level (T.81 does
// not say how to compute; ITU-T T.83 allows a decoder as much).
func TestDecode(t *testing.T) {
	for _, sampling := range samplings {
		for _, layout := range layouts {
			t.Run(sampling.name+"/"+layout.name, func(t *testing.T) {
				p := newPicture(75, 51, sampling.comps)
				layout.apply(p)
				data := p.encode()
				for _, points := range scales {
					_, got, err := decode(data, jpeg.Options{Points: same(points)})
					if err != nil {
						t.Fatalf("at %d/8: %v", points, err)
					}
					for i := range p.comps {
						want, w, h := p.plane(i, points)
						if r := got.rects[i]; r != image.Rect(0, 0, w, h) {
							t.Fatalf("at %d/8: component %d is %v, want %dx%d", points, i, r, w, h)
						}
						for k := range want {
							if d := math.Abs(float64(got.pix[i][k]) - want[k]); d > 1 {
								t.Fatalf("at %d/8: component %d, sample (%d,%d) is %d, want %.2f", points, i, k%w, k/w, got.pix[i][k], want[k])
							}
						}
					}
				}
			})
		}
	}
}

// TestDecodeDense has no coefficient that is zero, so that refinements come in the longest runs of bits.
func TestDecodeDense(t *testing.T) {
	for _, layout := range layouts {
		random := rand.New(rand.NewPCG(7, 8))
		p := newPicture(40, 24, samplings[4].comps)
		for i := range p.comps {
			for b := range p.comps[i].blocks {
				for k := range 64 {
					p.comps[i].blocks[b][k] = int32(8+random.IntN(6)) * int32(1-2*random.IntN(2))
				}
			}
		}
		layout.apply(p)
		_, got, err := decode(p.encode(), jpeg.Options{})
		if err != nil {
			t.Fatalf("%s: %v", layout.name, err)
		}
		for i := range p.comps {
			want, w, _ := p.plane(i, 8)
			for k := range want {
				if d := math.Abs(float64(got.pix[i][k]) - want[k]); d > 1.25 {
					t.Fatalf("%s: component %d, sample (%d,%d) is %d, want %.2f", layout.name, i, k%w, k/w, got.pix[i][k], want[k])
				}
			}
		}
	}
}

// TestDecodeMixedScales gives each component a scale of its own: what one leaves behind must not show in the next.
func TestDecodeMixedScales(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	p := newPicture(75, 51, samplings[4].comps)
	for i := range p.comps {
		for b := range p.comps[i].blocks {
			for k := range 64 {
				p.comps[i].blocks[b][k] = int32(random.IntN(5) - 2)
			}
		}
	}
	data := p.encode()
	for _, luma := range scales {
		for _, chroma := range scales {
			_, got, err := decode(data, jpeg.Options{Points: [4]int{luma, chroma, chroma}})
			if err != nil {
				t.Fatal(err)
			}
			for i, points := range []int{luma, chroma, chroma} {
				want, w, _ := p.plane(i, points)
				for k := range want {
					if d := math.Abs(float64(got.pix[i][k]) - want[k]); d > 1 {
						t.Fatalf("luma at %d/8, chroma at %d/8: component %d, sample (%d,%d) is %d, want %.2f", luma, chroma, i, k%w, k/w, got.pix[i][k], want[k])
					}
				}
			}
		}
	}
}

// TestDecodeAgainstStandardLibrary holds scale 1 against image/jpeg where that decodes the sampling.
func TestDecodeAgainstStandardLibrary(t *testing.T) {
	compared := 0
	for _, sampling := range samplings {
		for _, layout := range layouts {
			p := newPicture(75, 51, sampling.comps)
			layout.apply(p)
			if len(p.comps) == 4 {
				p.adobe = 0
			}
			data := p.encode()
			m, err := stdjpeg.Decode(bytes.NewReader(data))
			if err != nil {
				continue
			}
			_, got, err := decode(data, jpeg.Options{})
			if err != nil {
				t.Errorf("%s/%s: image/jpeg decodes it, but: %v", sampling.name, layout.name, err)
				continue
			}
			var std [][]byte
			var strides []int
			switch m := m.(type) {
			case *image.Gray:
				std, strides = [][]byte{m.Pix}, []int{m.Stride}
			case *image.YCbCr:
				std, strides = [][]byte{m.Y, m.Cb, m.Cr}, []int{m.YStride, m.CStride, m.CStride}
			default:
				continue
			}
			compared++
			for i := range std {
				w, h := got.rects[i].Dx(), got.rects[i].Dy()
				for k, v := range got.pix[i] {
					if d := int(v) - int(std[i][k/w*strides[i]+k%w]); d > 1 || d < -1 {
						t.Fatalf("%s/%s: component %d of %dx%d, sample (%d,%d) differs by %d", sampling.name, layout.name, i, w, h, k%w, k/w, d)
					}
				}
			}
		}
	}
	if compared < 20 {
		t.Errorf("only %d files were compared", compared)
	}
}

// At reduced scales a picture is close to averages over squares of the whole one. They are not the same: an average lets some of the fine detail through.
func TestDecodeReducedIsCloseToAverages(t *testing.T) {
	p := newPicture(320, 240, samplings[4].comps)
	p.fillWith(func(c, x, y int) float64 { return 128 + 90*math.Sin(float64(x)/17)*math.Cos(float64(y)/23+float64(c)) })
	data := p.encode()
	_, whole, err := decode(data, jpeg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, points := range []int{1, 2, 4} {
		shrink := 8 / points
		_, got, err := decode(data, jpeg.Options{Points: same(points)})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range got.rects {
			full := whole.rects[i].Dx()
			total := 0.0
			for y := range r.Dy() {
				for x := range r.Dx() {
					sum := 0
					for k := range shrink * shrink {
						sum += int(whole.pix[i][(y*shrink+k/shrink)*full+x*shrink+k%shrink])
					}
					total += math.Abs(float64(sum)/float64(shrink*shrink) - float64(got.pix[i][y*r.Dx()+x]))
				}
			}
			if mean := total / float64(r.Dx()*r.Dy()); mean > 1.2 {
				t.Errorf("1/%d, component %d: mean difference %.2f", shrink, i, mean)
			}
		}
	}
}

// TestDecodeRegion: what comes of a region is what comes of it when all is decoded, also with a scale for each component.
func TestDecodeRegion(t *testing.T) {
	for _, layout := range layouts {
		p := newPicture(150, 110, samplings[4].comps)
		layout.apply(p)
		data := p.encode()
		_, whole, err := decode(data, jpeg.Options{Points: [4]int{3, 6, 4}})
		if err != nil {
			t.Fatal(err)
		}
		for _, region := range []image.Rectangle{image.Rect(0, 0, 1, 1), image.Rect(40, 30, 90, 70), image.Rect(149, 109, 150, 110), image.Rect(100, 0, 900, 900)} {
			d, part, err := decode(data, jpeg.Options{Region: region, Points: [4]int{3, 6, 4}})
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range part.rects {
				h, v, hmax, vmax := d.Sampling(i)
				points := []int{3, 6, 4}[i]
				seen := region.Intersect(image.Rect(0, 0, 150, 110))
				if x, y := seen.Min.X*h/hmax*points/8, (seen.Max.Y-1)*v/vmax*points/8; x < r.Min.X || y >= r.Max.Y {
					t.Fatalf("%s, %v: component %d is only %v", layout.name, region, i, r)
				}
				w := whole.rects[i].Dx()
				for k, got := range part.pix[i] {
					x, y := r.Min.X+k%r.Dx(), r.Min.Y+k/r.Dx()
					if want := whole.pix[i][y*w+x]; got != want {
						t.Fatalf("%s, %v: component %d, sample (%d,%d) is %d, want %d", layout.name, region, i, x, y, got, want)
					}
				}
			}
		}
	}
}

func TestModel(t *testing.T) {
	tests := []struct {
		comps, adobe int
		want         jpeg.Model
		inverted     bool
	}{
		{1, -1, jpeg.Gray, false}, {3, -1, jpeg.YCbCr, false}, {3, 0, jpeg.RGB, false}, {3, 1, jpeg.YCbCr, false},
		{4, -1, jpeg.CMYK, false}, {4, 0, jpeg.CMYK, true}, {4, 2, jpeg.YCCK, true},
	}
	for _, tt := range tests {
		p := newPicture(9, 9, samplings[11].comps[:tt.comps])
		p.adobe = tt.adobe
		d, err := jpeg.NewDecoder(p.encode())
		if err != nil {
			t.Fatal(err)
		}
		if d.Model != tt.want || d.Inverted != tt.inverted {
			t.Errorf("%d components, Adobe %d: model %d, inverted %v", tt.comps, tt.adobe, d.Model, d.Inverted)
		}
	}
}

// TestDamage: a file that is cut or broken inside is shown as far as it goes.
func TestDamage(t *testing.T) {
	p := newPicture(160, 160, samplings[4].comps)
	p.restart = 4
	whole := p.encode()
	_, want, err := decode(whole, jpeg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, share := range []int{30, 60, 90, 99} {
		_, got, err := decode(whole[:len(whole)*share/100], jpeg.Options{})
		var damage *jpeg.DamageError
		if !errors.As(err, &damage) || !damage.Truncated || damage.Good == 0 || damage.Good >= damage.Blocks {
			t.Fatalf("%d %%: got %v", share, err)
		}
		if !bytes.Equal(got.pix[0][:160*16], want.pix[0][:160*16]) {
			t.Errorf("%d %%: the first rows differ", share)
		}
	}
	// One interval that is broken takes no other with it.
	broken := bytes.Clone(whole)
	at := bytes.Index(broken, []byte{0xff, 0xd3})
	next := bytes.Index(broken, []byte{0xff, 0xd4})
	for i := at + 2; i < next; i++ {
		broken[i] = 0xaa
	}
	_, got, err := decode(broken, jpeg.Options{})
	if err != nil && !errors.As(err, new(*jpeg.DamageError)) {
		t.Fatal(err)
	}
	if !bytes.Equal(got.pix[0][160*32:], want.pix[0][160*32:]) {
		t.Error("rows behind the broken interval differ")
	}
	// A lost interval leaves a gap, and what follows stays in its place.
	lost := append(bytes.Clone(whole[:at]), whole[next:]...)
	_, got, err = decode(lost, jpeg.Options{})
	if !errors.As(err, new(*jpeg.DamageError)) {
		t.Errorf("a lost interval: got %v", err)
	}
	if !bytes.Equal(got.pix[0][160*32:], want.pix[0][160*32:]) {
		t.Error("rows behind the lost interval differ")
	}
}

func TestRefused(t *testing.T) {
	whole := newPicture(16, 16, samplings[4].comps).encode()
	edit := func(from, to string) []byte { return bytes.Replace(whole, []byte(from), []byte(to), 1) }
	many := newPicture(8, 8, samplings[2].comps)
	many.progressive = true
	many.scans = together(many, scanSpec{})
	for range 200 {
		many.scans = append(many.scans, each(many, scanSpec{ss: 1, se: 1})...)
	}
	endless := bytes.Replace(many.encode(), []byte("\x08\x00\x08\x00\x08\x03"), []byte("\x08\x04\x00\x04\x00\x03"), 1)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "missing SOI"},
		{"arithmetic coding", edit("\xff\xc1", "\xff\xc9"), "arithmetic"},
		{"lossless", edit("\xff\xc1", "\xff\xc3"), "lossless"},
		{"hierarchical", edit("\xff\xc1", "\xff\xc5"), "hierarchical"},
		{"12 bits", edit("\x08\x00\x10\x00\x10\x03", "\x0c\x00\x10\x00\x10\x03"), "12 bits"},
		{"no width", edit("\x08\x00\x10\x00\x10\x03", "\x08\x00\x10\x00\x00\x03"), "width is zero"},
		{"no height", edit("\x08\x00\x10\x00\x10\x03", "\x08\x00\x00\x00\x10\x03"), "height is zero"},
		{"sampling of five", edit("\x01\x22\x00", "\x01\x52\x00"), "sampling factor"},
		{"too many blocks", edit("\x01\x22\x00", "\x01\x44\x00"), "ten blocks"},
		{"no table", edit("\xff\xdb", "\xff\xed"), "quantization table"},
		{"end at once", whole[:20], "no picture data"},
		{"too many scans", endless, "too many scans"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := jpeg.NewDecoder(tt.data)
			if err == nil {
				opts := jpeg.Options{Points: same(1)}
				err = d.Decode(context.Background(), opts, func(jpeg.Strip) error { return nil })
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDecodeEndsWithTheContext(t *testing.T) {
	for _, layout := range layouts {
		p := newPicture(64, 64, samplings[4].comps)
		layout.apply(p)
		d, err := jpeg.NewDecoder(p.encode())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		rows := 0
		err = d.Decode(ctx, jpeg.Options{}, func(jpeg.Strip) error { rows++; cancel(); return nil })
		if !errors.Is(err, context.Canceled) || rows != 1 {
			t.Errorf("%s: got %v after %d strips", layout.name, err, rows)
		}
	}
}

// FuzzDecode feeds broken files: no panic, no missing row, and nothing refused that image/jpeg decodes, but for what libjpeg refuses as well: files without a table
// that they name, which image/jpeg takes for grey or happens not to need, and scans of more than 13 missing bits.
func FuzzDecode(f *testing.F) {
	for _, layout := range layouts {
		p := newPicture(40, 24, samplings[4].comps)
		layout.apply(p)
		f.Add(p.encode(), byte(0))
	}
	f.Add(bytes.Replace(newPicture(40, 24, samplings[4].comps).encode(), []byte("\xff\xdb"), []byte("\x80\xdb"), 1), byte(0))
	f.Add(jpeg.Encode(nil, samples(scene(33, 21, image.YCbCrSubsampleRatio420), 3), 80), byte(2))
	f.Fuzz(func(t *testing.T, data []byte, scale byte) {
		d, err := jpeg.NewDecoder(data)
		if err != nil || d.Width*d.Height > 1<<18 {
			return
		}
		opts := jpeg.Options{Points: same(scales[int(scale&127)%len(scales)])}
		if scale&128 != 0 {
			opts.Region = image.Rect(d.Width/4, d.Height/4, d.Width/2+1, d.Height/2+1)
		}
		_, _, err = decode(data, opts)
		if err == nil || strings.Contains(err.Error(), "table that is not defined") || strings.Contains(err.Error(), "bad progression parameters") {
			return
		}
		if m, stdErr := stdjpeg.Decode(bytes.NewReader(data)); stdErr == nil && !m.Bounds().Empty() && !errors.As(err, new(*jpeg.DamageError)) {
			t.Errorf("image/jpeg decodes it, but: %v", err)
		}
	})
}

// FuzzAgainstDefinition makes whole files of random coefficients, samplings and scans, which must decode to the definition's samples.
func FuzzAgainstDefinition(f *testing.F) {
	for i := range uint64(len(samplings) * len(layouts)) {
		f.Add(i, uint16(19), uint16(27))
	}
	f.Add(uint64(67), uint16(19), uint16(5)) // many scans of three blocks
	f.Fuzz(func(t *testing.T, seed uint64, w, h uint16) {
		random := rand.New(rand.NewPCG(seed, 0))
		p := newPicture(int(w%90)+1, int(h%90)+1, samplings[seed%uint64(len(samplings))].comps)
		for i := range p.comps {
			for b := range p.comps[i].blocks {
				block := &p.comps[i].blocks[b]
				*block = [64]int32{int32(random.IntN(500)) - 250}
				for range random.IntN(8) {
					block[1+random.IntN(63)] = int32(random.IntN(61)) - 30
				}
			}
		}
		layouts[seed/uint64(len(samplings))%uint64(len(layouts))].apply(p)
		for _, points := range scales {
			_, got, err := decode(p.encode(), jpeg.Options{Points: same(points)})
			if err != nil {
				t.Fatal(err)
			}
			for i := range p.comps {
				want, w, _ := p.plane(i, points)
				for k := range want {
					if d := math.Abs(float64(got.pix[i][k]) - want[k]); d > 1 {
						t.Fatalf("at %d/8: component %d, sample (%d,%d) is %d, want %.2f", points, i, k%w, k/w, got.pix[i][k], want[k])
					}
				}
			}
		}
	})
}
