package avatar

import (
	"fmt"
	"math"

	"github.com/cruddur/avatarkit/avatar/internal/icc"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
)

// colors returns the profile to convert from, or nil for a picture that is sRGB or must be taken for it; then a warning says why.
// The best description wins (PNG third edition, section 4.3): cICP, ICC profile, sRGB, gAMA and cHRM.
func colors(info *probe.Info) *icc.Profile {
	warn := func(err error) {
		info.Warnings = append(info.Warnings, fmt.Sprintf("colours are shown as sRGB: %v", err))
	}
	if c := info.CICP; c != nil {
		if *c == [4]byte{1, 13, 0, 1} {
			return nil
		}
		profile, err := icc.FromCICP(*c)
		if err == nil {
			return profile
		}
		warn(err)
	}
	if info.Profile != nil {
		profile, err := icc.Parse(info.Profile)
		if err == nil && !suits(profile, info.Channels) {
			err = fmt.Errorf("the colour profile %q is for another kind of picture", profile.Name)
		}
		if err != nil {
			warn(err)
			return nil
		}
		return profile
	}
	if info.SRGB || info.Gamma == 0 && info.Chroma == nil || likeSRGB(info) {
		return nil
	}
	primaries := icc.SRGB()
	if info.Chroma != nil {
		primaries = *info.Chroma
	}
	exponent := 0.0
	if info.Gamma > 0 {
		exponent = 1 / info.Gamma
	}
	profile, err := icc.FromGamma(primaries, exponent)
	if err != nil {
		warn(err)
		return nil
	}
	return profile
}

// suits says whether a profile is for pictures of so many channels. Grey pictures with a profile for RGB are common, and mean what they say.
func suits(p *icc.Profile, channels int) bool {
	switch channels {
	case 1:
		return true
	case 3:
		return !p.Gray
	}
	return false
}

// likeSRGB says whether gAMA and cHRM describe sRGB, as writers state it: anything about 1/2.2, with few digits.
func likeSRGB(info *probe.Info) bool {
	if info.Gamma > 0 && math.Abs(info.Gamma*2.2-1) > 0.05 {
		return false
	}
	if info.Chroma != nil {
		for i, want := range icc.SRGB() {
			if math.Abs(info.Chroma[i]-want) > 0.01 {
				return false
			}
		}
	}
	return true
}
