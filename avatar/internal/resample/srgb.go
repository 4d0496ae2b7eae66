package resample

import "math"

// Linear returns the curves that turn sRGB into linear light (IEC 61966-2-1).
func Linear() *Curves {
	var table [1 << 16]uint16
	for i := range table {
		table[i] = uint16(DecodeSRGB(float64(i)/0xffff)*0xffff + 0.5)
	}
	return &Curves{&table, &table, &table}
}

// DecodeSRGB turns a sample of sRGB, 0 to 1, into linear light.
func DecodeSRGB(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// EncodeSRGB turns a sample of linear light into sRGB.
func EncodeSRGB(v float32) float32 {
	if v <= 0.0031308 {
		return v * 12.92
	}
	return float32(1.055*math.Pow(float64(v), 1/2.4) - 0.055)
}
