// Package icc turns colours of an embedded ICC profile, or of primaries that a file states otherwise, into sRGB. It reads the profiles that cameras, phones and
// programs embed in RGB and grey pictures: a curve for each channel and a matrix (ICC.1:2022 section 8.3.3 and 8.4.4). Profiles made of look-up tables are an error.
package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf16"
)

// ErrUnsupported is wrapped for profiles that are whole but of a kind that is not converted.
var ErrUnsupported = errors.New("unsupported colour profile")

var errBroken = errors.New("broken colour profile")

// Curves turn encoded samples into linear light, each of 16 bits.
type Curves = [3]*[1 << 16]uint16

// Profile is a conversion to sRGB. It is immutable.
type Profile struct {
	// Name is the profile's description, such as "Display P3".
	Name string
	// Gray says that the profile is for pictures with a single channel.
	Gray bool
	// Curves are to be applied before FromLinear.
	Curves *Curves
	matrix [9]float64 // linear light of the profile to linear sRGB
}

const (
	headerSize = 128
	maxTags    = 128
	maxName    = 64
)

// Parse reads a profile.
func Parse(data []byte) (*Profile, error) {
	if len(data) < headerSize+4 || string(data[36:40]) != "acsp" {
		return nil, fmt.Errorf("%w: no header", errBroken)
	}
	tags := readTags(data)
	p := &Profile{Name: description(tags["desc"]), matrix: [9]float64{0: 1, 4: 1, 8: 1}}
	space, pcs := string(data[16:20]), string(data[20:24])
	names := []string{"rTRC", "gTRC", "bTRC"}
	switch {
	case space == "GRAY":
		p.Gray = true
		names = []string{"kTRC", "kTRC", "kTRC"}
	case space != "RGB ":
		return nil, fmt.Errorf("%w: colour space %q", ErrUnsupported, strings.TrimSpace(clean(space)))
	case pcs != "XYZ " || tags["rXYZ"] == nil:
		return nil, fmt.Errorf("%w: it is made of look-up tables", ErrUnsupported)
	default:
		matrix, err := colorants(tags)
		if err != nil {
			return nil, err
		}
		p.matrix = matrix
	}
	p.Curves = new(Curves)
	for i, name := range names {
		if i > 0 && string(tags[name]) == string(tags[names[i-1]]) {
			p.Curves[i] = p.Curves[i-1]
			continue
		}
		curve, err := readCurve(tags[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if p.Gray && pcs == "Lab " {
			curve = fromLightness(curve)
		}
		p.Curves[i] = tabulate(curve)
	}
	return p, nil
}

// fromLightness turns a curve that gives CIE lightness, 0 to 1, into one that gives linear light (CIE 15).
func fromLightness(curve func(float64) float64) func(float64) float64 {
	return func(v float64) float64 {
		l := 100 * curve(v)
		if l <= 8 {
			return l * 27 / 24389
		}
		root := (l + 16) / 116
		return root * root * root
	}
}

// readTags returns the bodies of the tags that lie inside the profile.
func readTags(data []byte) map[string][]byte {
	tags := map[string][]byte{}
	entries := data[headerSize+4:]
	for range min(binary.BigEndian.Uint32(data[headerSize:]), maxTags) {
		if len(entries) < 12 {
			break
		}
		offset, size := int64(binary.BigEndian.Uint32(entries[4:])), int64(binary.BigEndian.Uint32(entries[8:]))
		if offset+size <= int64(len(data)) {
			tags[string(entries[:4])] = data[offset : offset+size]
		}
		entries = entries[12:]
	}
	return tags
}

// colorants returns the matrix from the profile's linear light to linear sRGB. Both sides of it are relative to D50.
func colorants(tags map[string][]byte) ([9]float64, error) {
	var toXYZ [9]float64
	for column, name := range []string{"rXYZ", "gXYZ", "bXYZ"} {
		tag := tags[name]
		if len(tag) < 20 || string(tag[:4]) != "XYZ " {
			return toXYZ, fmt.Errorf("%w: bad %s", errBroken, name)
		}
		for row := range 3 {
			toXYZ[3*row+column] = fixed(tag[8+4*row:])
		}
	}
	return multiply(toSRGB(), toXYZ), nil
}

// toSRGB is the inverse of sRGB's own colorants as profiles state them.
func toSRGB() [9]float64 {
	return [9]float64{
		3.1338561, -1.6168667, -0.4906146,
		-0.9787684, 1.9161415, 0.0334540,
		0.0719453, -0.2289914, 1.4052427,
	}
}

func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// readCurve reads a curveType or parametricCurveType (sections 10.6 and 10.18).
func readCurve(tag []byte) (func(float64) float64, error) {
	if len(tag) < 12 {
		return nil, fmt.Errorf("%w: no curve", errBroken)
	}
	switch string(tag[:4]) {
	case "curv":
		return tableCurve(tag)
	case "para":
		return parametricCurve(tag)
	}
	return nil, fmt.Errorf("%w: curve of type %q", ErrUnsupported, clean(string(tag[:4])))
}

func tableCurve(tag []byte) (func(float64) float64, error) {
	n := int64(binary.BigEndian.Uint32(tag[8:]))
	table := tag[12:]
	switch {
	case n == 0:
		return func(v float64) float64 { return v }, nil
	case int64(len(table)) < 2*n:
		return nil, fmt.Errorf("%w: curve of %d entries is cut short", errBroken, n)
	case n == 1:
		gamma := float64(binary.BigEndian.Uint16(table)) / 256
		return func(v float64) float64 { return math.Pow(v, gamma) }, nil
	}
	at := func(i int) float64 { return float64(binary.BigEndian.Uint16(table[2*i:])) / 0xffff }
	return func(v float64) float64 {
		x := v * float64(n-1)
		i := min(int(x), int(n)-2)
		f := x - float64(i)
		return at(i)*(1-f) + at(i+1)*f
	}, nil
}

// parametricCurve: from d upwards (a x + b)^g + e, below it c x + f.
func parametricCurve(tag []byte) (func(float64) float64, error) {
	counts := [5]int{1, 3, 4, 5, 7}
	kind := int(binary.BigEndian.Uint16(tag[8:]))
	if kind >= len(counts) || len(tag) < 12+4*counts[kind] {
		return nil, fmt.Errorf("%w: parametric curve of kind %d", errBroken, kind)
	}
	var s [7]float64
	for i := range counts[kind] {
		s[i] = fixed(tag[12+4*i:])
	}
	g, a, b, c, d, e, f := s[0], s[1], s[2], s[3], s[4], s[5], s[6]
	switch kind {
	case 0:
		a = 1
	case 1, 2:
		if a == 0 {
			return nil, fmt.Errorf("%w: parametric curve divides by zero", errBroken)
		}
		// Below -b/a the curve is the constant c.
		c, d, e, f = 0, -b/a, s[3], s[3]
	}
	return func(v float64) float64 {
		if v >= d {
			return math.Pow(max(a*v+b, 0), g) + e
		}
		return c*v + f
	}, nil
}

func tabulate(curve func(float64) float64) *[1 << 16]uint16 {
	table := new([1 << 16]uint16)
	for i := range table {
		v := curve(float64(i) / 0xffff)
		if !(v > 0) { // NaN too
			v = 0
		}
		table[i] = uint16(min(v, 1)*0xffff + 0.5)
	}
	return table
}

// FromLinear turns linear light of the profile, 0 to 1, into linear light of sRGB. What sRGB cannot show lies outside of 0 to 1.
func (p *Profile) FromLinear(r, g, b float32) (float32, float32, float32) {
	m, x, y, z := &p.matrix, float64(r), float64(g), float64(b)
	return float32(m[0]*x + m[1]*y + m[2]*z), float32(m[3]*x + m[4]*y + m[5]*z), float32(m[6]*x + m[7]*y + m[8]*z)
}

// description reads a textDescriptionType (version 2) or multiLocalizedUnicodeType (version 4), shortened and without control characters.
func description(tag []byte) string {
	if len(tag) < 12 {
		return ""
	}
	switch string(tag[:4]) {
	case "desc":
		n := min(int64(binary.BigEndian.Uint32(tag[8:])), int64(len(tag)-12))
		return clean(string(tag[12 : 12+n]))
	case "mluc":
		if len(tag) < 28 {
			return ""
		}
		size, offset := int64(binary.BigEndian.Uint32(tag[20:])), int64(binary.BigEndian.Uint32(tag[24:]))
		if offset+size > int64(len(tag)) {
			return ""
		}
		var units []uint16
		for i := offset; i+2 <= offset+min(size, 2*maxName); i += 2 {
			units = append(units, binary.BigEndian.Uint16(tag[i:]))
		}
		return clean(string(utf16.Decode(units)))
	}
	return ""
}

func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.ToValidUTF8(s[:min(len(s), maxName)], "")
}
