package profile

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"golang.org/x/text/unicode/norm"
)

// Limits of the texts. Lengths are in grapheme clusters; each cluster may take MaxClusterBytes on average.
const (
	MaxDisplayName = 50
	MaxBio         = 300
	MaxMessage     = 1024
	// MaxClusterBytes bounds the bytes of a text at this many for each cluster of its limit. A family emoji takes 25.
	MaxClusterBytes = 16
)

var (
	nameRule    = textRule{field: "display_name", max: MaxDisplayName, required: true}
	bioRule     = textRule{field: "bio", max: MaxBio, multiline: true}
	messageRule = textRule{field: "message", max: MaxMessage, required: true, multiline: true}
)

type textRule struct {
	field     string
	max       int
	required  bool
	multiline bool
}

// clean returns the text as it is stored, or the first fault.
func (r textRule) clean(s string) (string, *FieldError) {
	fault := func(code string, limit, got int) (string, *FieldError) {
		return "", &FieldError{Field: r.field, Code: code, Limit: limit, Got: got}
	}
	// Far over the limit is refused before any work that depends on the length; NFC at most triples it.
	if limit := r.max * MaxClusterBytes; len(s) > 4*limit {
		return fault(CodeTooManyBytes, limit, len(s))
	}
	if !utf8.ValidString(s) {
		return fault(CodeInvalidChars, 0, 0)
	}
	s = r.spaces(norm.NFC.String(s))
	if !allowed(s, r.multiline) {
		return fault(CodeInvalidChars, 0, 0)
	}
	if r.required && !visible(s) {
		return fault(CodeRequired, 0, 0)
	}
	if limit := r.max * MaxClusterBytes; len(s) > limit {
		return fault(CodeTooManyBytes, limit, len(s))
	}
	if n := clusters(s); n > r.max {
		return fault(CodeTooLong, r.max, n)
	}
	return s, nil
}

// spaces trims the text and, on one line, folds runs of white space to one space.
func (r textRule) spaces(s string) string {
	if !r.multiline {
		if strings.ContainsAny(s, "\r\n\t\v\f") {
			return strings.TrimSpace(s) // what is left inside is refused as a control character
		}
		return strings.Join(strings.Fields(s), " ")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.TrimSpace(s)
}

func clusters(s string) int {
	n := 0
	for it := graphemes.FromString(s); it.Next(); {
		n++
	}
	return n
}

// visible reports whether anything in s leaves a mark of its own on the screen.
func visible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r)
	})
}

// allowed reports whether each rune of s may stand where it stands.
func allowed(s string, multiline bool) bool {
	var before rune
	flag := false // inside an emoji tag sequence, which begins with a black flag
	for i, r := range s {
		after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		switch {
		case r == '\n':
			if !multiline {
				return false
			}
		case r == zwj || r == zwnj:
			if !joins(before) || !joins(after) {
				return false
			}
		case r == 0xFE0E || r == 0xFE0F: // text or emoji presentation of what stands before
			if !unicode.IsSymbol(before) && !unicode.IsNumber(before) && !unicode.IsPunct(before) {
				return false
			}
		case 0xE0100 <= r && r <= 0xE01EF: // which form of a Chinese character, as Japanese names need
			if !unicode.Is(unicode.Han, before) {
				return false
			}
		case 0xE0020 <= r && r <= 0xE007F:
			if !flag {
				return false
			}
		case unicode.In(r, forbidden):
			return false
		}
		flag = r == 0x1F3F4 || flag && 0xE0020 <= r && r <= 0xE007F
		before = r
	}
	return true
}

const (
	zwnj = 0x200C
	zwj  = 0x200D
)

// joins reports whether a joiner may stand beside r: letters and marks of scripts that join, and emoji.
func joins(r rune) bool {
	return unicode.IsSymbol(r) || unicode.IsMark(r) || unicode.IsLetter(r) && r > 0x24F ||
		0xFE00 <= r && r <= 0xFE0F || 0x1F3FB <= r && r <= 0x1F3FF
}

// forbidden holds control characters, private use, noncharacters, and all that is invisible or turns the direction of the text.
// Sources: Unicode categories Cc and Co; Default_Ignorable_Code_Point; Bidi_Control.
var forbidden = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0000, Hi: 0x001F, Stride: 1},
		{Lo: 0x007F, Hi: 0x009F, Stride: 1},
		{Lo: 0x00AD, Hi: 0x00AD, Stride: 1}, // soft hyphen
		{Lo: 0x034F, Hi: 0x034F, Stride: 1}, // combining grapheme joiner
		{Lo: 0x061C, Hi: 0x061C, Stride: 1}, // Arabic letter mark
		{Lo: 0x115F, Hi: 0x1160, Stride: 1}, // Hangul fillers
		{Lo: 0x17B4, Hi: 0x17B5, Stride: 1}, // Khmer inherent vowels
		{Lo: 0x180B, Hi: 0x180F, Stride: 1}, // Mongolian selectors
		{Lo: 0x200B, Hi: 0x200B, Stride: 1}, // zero width space
		{Lo: 0x200E, Hi: 0x200F, Stride: 1}, // direction marks
		{Lo: 0x2028, Hi: 0x202E, Stride: 1}, // separators, embeddings and overrides
		{Lo: 0x2060, Hi: 0x206F, Stride: 1}, // word joiner, invisible operators, isolates
		{Lo: 0x3164, Hi: 0x3164, Stride: 1}, // Hangul filler
		{Lo: 0xE000, Hi: 0xF8FF, Stride: 1}, // private use
		{Lo: 0xFDD0, Hi: 0xFDEF, Stride: 1}, // noncharacters
		{Lo: 0xFE00, Hi: 0xFE0D, Stride: 1}, // variation selectors other than text and emoji
		{Lo: 0xFEFF, Hi: 0xFEFF, Stride: 1}, // byte order mark
		{Lo: 0xFFA0, Hi: 0xFFA0, Stride: 1}, // half-width Hangul filler
		{Lo: 0xFFF0, Hi: 0xFFFB, Stride: 1}, // annotation
		{Lo: 0xFFFE, Hi: 0xFFFF, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x13430, Hi: 0x1345F, Stride: 1}, // hieroglyph format controls
		{Lo: 0x1BCA0, Hi: 0x1BCA3, Stride: 1}, // shorthand format controls
		{Lo: 0x1D173, Hi: 0x1D17A, Stride: 1}, // musical format controls
		{Lo: 0xE0000, Hi: 0xE0FFF, Stride: 1}, // tags and further variation selectors
		{Lo: 0xF0000, Hi: 0x10FFFF, Stride: 1},
	},
	LatinOffset: 3,
}
