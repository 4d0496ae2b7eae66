package icc_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/icc"
)

// build makes a profile of the given tags.
func build(space, pcs string, tags map[string][]byte) []byte {
	data := make([]byte, 128)
	copy(data[16:], space)
	copy(data[20:], pcs)
	copy(data[36:], "acsp")
	data = binary.BigEndian.AppendUint32(data, uint32(len(tags)))
	offset := 132 + 12*len(tags)
	var bodies []byte
	for name, body := range tags {
		data = append(data, name...)
		data = binary.BigEndian.AppendUint32(data, uint32(offset+len(bodies)))
		data = binary.BigEndian.AppendUint32(data, uint32(len(body)))
		bodies = append(bodies, body...)
	}
	return append(data, bodies...)
}

func fixed(kind string, values ...float64) []byte {
	b := append([]byte(kind), 0, 0, 0, 0)
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*65536))))
	}
	return b
}

func para(kind uint16, values ...float64) []byte {
	b := binary.BigEndian.AppendUint16([]byte("para\x00\x00\x00\x00"), kind)
	return append(append(b, 0, 0), fixed("", values...)[4:]...)
}

func curv(values ...uint16) []byte {
	b := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), uint32(len(values)))
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

func rgb(curve []byte, colorants [9]float64) []byte {
	c := colorants
	return build("RGB ", "XYZ ", map[string][]byte{
		"rXYZ": fixed("XYZ ", c[0], c[1], c[2]), "gXYZ": fixed("XYZ ", c[3], c[4], c[5]), "bXYZ": fixed("XYZ ", c[6], c[7], c[8]),
		"rTRC": curve, "gTRC": curve, "bTRC": curve,
		"desc": append([]byte("desc\x00\x00\x00\x00\x00\x00\x00\x05"), "Test\x00"...),
	})
}

func displayP3() []byte {
	return rgb(para(3, 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045), [9]float64{0.51512, 0.24120, -0.00105, 0.29198, 0.69225, 0.04189, 0.15710, 0.06657, 0.78407})
}

func TestDisplayP3(t *testing.T) {
	p, err := icc.Parse(displayP3())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "Test" || p.Gray {
		t.Errorf("name %q, grey %v", p.Name, p.Gray)
	}
	// CSS Color Module Level 4, section 10: linear Display P3 to linear sRGB.
	want := [9]float64{1.2249401, -0.2249404, 0, -0.0420569, 1.0420571, 0, -0.0196376, -0.0786361, 1.0982735}
	for column, in := range [][3]float32{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
		r, g, b := p.FromLinear(in[0], in[1], in[2])
		for row, got := range []float32{r, g, b} {
			if math.Abs(float64(got)-want[3*row+column]) > 0.002 { // the colorants have five digits
				t.Errorf("row %d, column %d: %v, want %v", row, column, got, want[3*row+column])
			}
		}
	}
	if got := p.Curves[0][0x8000]; math.Abs(float64(got)/0xffff-0.21404) > 0.0002 {
		t.Errorf("the middle is %v in linear light", float64(got)/0xffff)
	}
}

func TestCurves(t *testing.T) {
	adobe := [9]float64{0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457}
	half := 0x8000 / 65535.0
	tests := []struct {
		name  string
		curve []byte
		want  float64
	}{
		{"identity", curv(), half},
		{"Adobe RGB's gamma", curv(0x0233), math.Pow(half, 563.0/256)},
		{"ProPhoto's gamma", curv(0x01cd), math.Pow(half, 461.0/256)},
		{"table", curv(0, 0x4000, 0xffff), 0x4000 / 65535.0},
		{"kind 0", para(0, 2), half * half},
		{"kind 1", para(1, 2, 1, -0.25), 0.0625},
		{"kind 2", para(2, 2, 1, -0.25, 0.125), 0.1875},
		{"kind 4", para(4, 1, 0.5, 0, 1, 0.75, 0, 0.25), 0.75},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := icc.Parse(rgb(tt.curve, adobe))
			if err != nil {
				t.Fatal(err)
			}
			if got := float64(p.Curves[1][0x8000]) / 0xffff; math.Abs(got-tt.want) > 0.0005 {
				t.Errorf("half becomes %v, want %v", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name        string
		data        []byte
		unsupported bool
	}{
		{"nothing", nil, false},
		{"CMYK", build("CMYK", "Lab ", nil), true},
		{"look-up tables", build("RGB ", "Lab ", map[string][]byte{"A2B0": make([]byte, 64)}), true},
		{"grey without a curve", build("GRAY", "XYZ ", nil), false},
		{"a table cut short", rgb(curv(1, 2, 3)[:14], [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := icc.Parse(tt.data); err == nil || errors.Is(err, icc.ErrUnsupported) != tt.unsupported {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(displayP3())
	f.Add(build("GRAY", "XYZ ", map[string][]byte{"kTRC": curv(0, 0x4000, 0xffff)}))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := icc.Parse(data)
		if err != nil {
			return
		}
		if p.Curves[0] == nil || p.Curves[1] == nil || p.Curves[2] == nil {
			t.Fatal("a profile without curves")
		}
		if len(p.Name) > 64 {
			t.Fatalf("a name of %d bytes", len(p.Name))
		}
	})
}
