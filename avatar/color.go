package avatar

import (
	"fmt"
	"math"

	"github.com/cruddur/avatarkit/avatar/internal/icc"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// colors returns the profile to convert from, or nil for a picture that is sRGB or must be taken for it; then a warning says why.
func colors(info *probe.Info) *icc.Profile {
	warn := func(format string, args ...any) { info.Warnings = append(info.Warnings, fmt.Sprintf(format, args...)) }
	if info.CICP != nil && (info.CICP[0] != 1 || info.CICP[1] != 13) {
		warn("colours of cICP primaries %d, transfer %d are shown as sRGB", info.CICP[0], info.CICP[1])
	}
	// Writers state sRGB's gamma as anything about 1/2.2.
	if info.Profile == nil && info.Gamma > 0 && math.Abs(info.Gamma*2.2-1) > 0.05 {
		warn("gamma %.5f is shown as sRGB", info.Gamma)
	}
	if info.Profile == nil {
		return nil
	}
	profile, err := icc.Parse(info.Profile)
	if err != nil {
		warn("colours are shown as sRGB: %v", err)
		return nil
	}
	if profile.Gray != (info.Channels == 1) {
		warn("colours are shown as sRGB: the colour profile %q is for another number of channels", profile.Name)
		return nil
	}
	return profile
}

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
