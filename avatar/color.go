package avatar

import (
	"github.com/cruddur/avatarkit/avatar/internal/icc"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// lightOf returns how to mix colours in linear light: curves to it, which are linear when profile is nil, which stands for sRGB, and the way back.
func lightOf(profile *icc.Profile, linear *resample.Curves) (*resample.Curves, func(r, g, b float32) (float32, float32, float32)) {
	encode := func(r, g, b float32) (float32, float32, float32) {
		return resample.EncodeSRGB(r), resample.EncodeSRGB(g), resample.EncodeSRGB(b)
	}
	if profile == nil {
		return linear, encode
	}
	return profile.Curves, func(r, g, b float32) (float32, float32, float32) { return encode(profile.FromLinear(r, g, b)) }
}

// toSRGB returns the conversion of single colours.
func toSRGB(profile *icc.Profile) func(r, g, b byte) (byte, byte, byte) {
	const steps = 1 << 14 // of linear light: fine enough that the darkest colours are right to a quarter of a level
	var encoded [steps + 1]byte
	for i := range encoded {
		encoded[i] = byte(resample.EncodeSRGB(float32(i)/steps)*255 + 0.5)
	}
	var light [3][256]float32
	for c := range light {
		for v := range light[c] {
			light[c][v] = float32(profile.Curves[c][v*0x101]) / 0xffff
		}
	}
	encode := func(v float32) byte { return encoded[int(min(max(v, 0), 1)*steps+0.5)] }
	return func(r, g, b byte) (byte, byte, byte) {
		x, y, z := profile.FromLinear(light[0][r], light[1][g], light[2][b])
		return encode(x), encode(y), encode(z)
	}
}
