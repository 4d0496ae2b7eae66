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

// conversion returns what to do with samples before they are mixed (linear, if not nil, asks for linear light; profile nil stands for sRGB), and with
// colours afterwards. Without linear light the profile is applied to the result, which is a fraction of the work.
func conversion(profile *icc.Profile, linear *resample.Curves) (*resample.Curves, func(r, g, b float32) (float32, float32, float32)) {
	encode := func(r, g, b float32) (float32, float32, float32) {
		return resample.EncodeSRGB(r), resample.EncodeSRGB(g), resample.EncodeSRGB(b)
	}
	switch {
	case profile == nil && linear == nil:
		return nil, nil
	case profile == nil:
		return linear, encode
	}
	fromLinear := func(r, g, b float32) (float32, float32, float32) { return encode(profile.FromLinear(r, g, b)) }
	if linear != nil {
		return profile.Curves, fromLinear
	}
	look := func(c int, v float32) float32 { return float32(profile.Curves[c][uint16(v*0xffff+0.5)]) / 0xffff }
	return nil, func(r, g, b float32) (float32, float32, float32) {
		return fromLinear(look(0, r), look(1, g), look(2, b))
	}
}
