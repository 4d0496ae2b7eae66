package avatar

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"

	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

const (
	// minContrast is what WCAG 2.2 (1.4.3, level AA) asks of text, and a little for what JPEG changes.
	minContrast = 4.5 * 1.02
	// maxCluster bounds a letter with its marks, in bytes. Some people pile them up.
	maxCluster = 16
)

// Initials makes the picture of a person who has none: the initials of name in white on a colour that only depends on seed, such as the
// subject. It has the variants and the encoding of a photo.
//
// The initials are those of the first and the last word: of each the first letter, as a grapheme cluster, so that accents stay on their letters. Words without a letter
// (emoji, numbers) and words whose initial the font (Go Bold: Latin, Greek, Cyrillic) cannot show count for nothing. A name without any other word, such as one in
// Chinese, Arabic or of emoji alone, and an empty one, give the [Pipeline.Identicon] of seed.
func (p *Pipeline) Initials(ctx context.Context, name, seed string) (*Set, error) {
	face, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, fmt.Errorf("avatar: read the font: %w", err)
	}
	text := initials(name, func(cluster string) bool { return shows(face, cluster) })
	if text == "" {
		return p.Identicon(ctx, seed)
	}
	canvas := p.canvas()
	draw.Draw(canvas, canvas.Rect, image.NewUniform(seedColor(seed)), image.Point{}, draw.Src)
	if err := drawCentred(canvas, face, text); err != nil {
		return nil, fmt.Errorf("avatar: draw the initials: %w", err)
	}
	return p.draw(ctx, canvas, "initials", text+"\x00"+seed)
}

// Identicon makes a symmetric pattern of 5 by 5 squares that only depends on seed, in the variants and the encoding of a photo.
func (p *Pipeline) Identicon(ctx context.Context, seed string) (*Set, error) {
	const cells = 5
	canvas := p.canvas()
	draw.Draw(canvas, canvas.Rect, image.NewUniform(color.Gray{0xf0}), image.Point{}, draw.Src)
	ink := image.NewUniform(seedColor(seed))
	digest := sha256.Sum256([]byte(seed))
	side := max(1, min(canvas.Rect.Dx(), canvas.Rect.Dy())/(cells+1))
	corner := canvas.Rect.Size().Sub(image.Pt(cells*side, cells*side)).Div(2)
	for y := range cells {
		for x := range cells {
			bit := 5*y + min(x, cells-1-x) // mirrored
			if digest[8+bit/8]>>(bit%8)&1 == 1 {
				at := corner.Add(image.Pt(x*side, y*side))
				draw.Draw(canvas, image.Rectangle{at, at.Add(image.Pt(side, side))}, ink, image.Point{}, draw.Src)
			}
		}
	}
	return p.draw(ctx, canvas, "identicon", seed)
}

func (p *Pipeline) canvas() *image.NRGBA {
	return image.NewNRGBA(image.Rect(0, 0, p.order[0].Width, p.order[0].Height))
}

// draw makes a set of a picture of our own. What identifies it stands in for the source's bytes.
func (p *Pipeline) draw(ctx context.Context, m *image.NRGBA, format, identity string) (*Set, error) {
	need := min(p.outputMemory(), p.cfg.MaxMemory)
	if err := p.decodes.Acquire(ctx, need); err != nil {
		return nil, fmt.Errorf("avatar: wait for memory: %w", context.Cause(ctx))
	}
	defer p.decodes.Release(need)
	d := new(scratch)
	pictures, err := p.variants(ctx, d, resample.FromImage(m, false), m.Rect, &probe.Info{Format: format, Orientation: 1}, nil)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(identity))
	set := &Set{Source: Source{Format: format, Width: m.Rect.Dx(), Height: m.Rect.Dy(), Orientation: 1, SHA256: hex.EncodeToString(digest[:])}}
	if set.Placeholder, set.Color, err = summary(ctx, d, pictures[len(pictures)-1]); err != nil {
		return nil, err
	}
	if err := p.encode(ctx, d, set, pictures); err != nil {
		return nil, err
	}
	return set, nil
}

// initials returns one or two upper-case grapheme clusters that can be shown, or "".
func initials(name string, shown func(cluster string) bool) string {
	var first, last string
	for word := range strings.FieldsSeq(norm.NFC.String(strings.ToValidUTF8(name, ""))) {
		letter := strings.ToUpper(firstLetter(word))
		switch {
		case letter == "" || len(letter) > maxCluster || !shown(letter):
		case first == "":
			first = letter
		default:
			last = letter
		}
	}
	return first + last
}

// firstLetter returns the first grapheme cluster of word that begins with a letter, or "".
func firstLetter(word string) string {
	for clusters := graphemes.FromString(word); clusters.Next(); {
		if cluster := clusters.Value(); unicode.IsLetter([]rune(cluster)[0]) {
			return cluster
		}
	}
	return ""
}

// shows says whether the font has a glyph for each character.
func shows(f *sfnt.Font, text string) bool {
	var buf sfnt.Buffer
	for _, r := range text {
		if i, err := f.GlyphIndex(&buf, r); err != nil || i == 0 {
			return false
		}
	}
	return true
}

// drawCentred draws text in white, in the middle by its outline, its letters about a third as high as the canvas and at most 0.7 as wide together.
func drawCentred(canvas *image.NRGBA, f *sfnt.Font, text string) error {
	side := float64(min(canvas.Rect.Dx(), canvas.Rect.Dy()))
	size := 0.45 * side
	face, bounds, err := measureText(f, size, text)
	if err != nil {
		return err
	}
	if wide := float64(bounds.Max.X-bounds.Min.X) / 64; wide > 0.7*side {
		if face, bounds, err = measureText(f, size*0.7*side/wide, text); err != nil {
			return err
		}
	}
	middle := bounds.Min.Add(bounds.Max).Div(fixed.I(2))
	centre := fixed.P(canvas.Rect.Dx(), canvas.Rect.Dy()).Div(fixed.I(2))
	pen := font.Drawer{Dst: canvas, Src: image.White, Face: face, Dot: centre.Sub(middle)}
	pen.DrawString(text)
	return nil
}

func measureText(f *sfnt.Font, size float64, text string) (font.Face, fixed.Rectangle26_6, error) {
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fixed.Rectangle26_6{}, err
	}
	bounds, _ := font.BoundString(face, text)
	return face, bounds, nil
}

// seedColor is a colour of any hue that white text stands out from.
func seedColor(seed string) color.NRGBA {
	digest := sha256.Sum256([]byte(seed))
	hue := float64(binary.BigEndian.Uint16(digest[:])) / (1 << 16)
	saturation := 0.45 + float64(digest[2])/255*0.25
	for lightness := 0.55; ; lightness -= 0.01 {
		c := hsl(hue, saturation, lightness)
		if contrastToWhite(c) >= minContrast {
			return c
		}
	}
}

// hsl converts hue, saturation and lightness, each 0 to 1 (CSS Color Module Level 4, section 7).
func hsl(h, s, l float64) color.NRGBA {
	channel := func(n float64) uint8 {
		k := math.Mod(n+12*h, 12)
		return uint8(math.Round(255 * (l - s*min(l, 1-l)*max(-1, min(k-3, 9-k, 1)))))
	}
	return color.NRGBA{channel(0), channel(8), channel(4), 0xff}
}

// contrastToWhite is WCAG 2.2's contrast ratio.
func contrastToWhite(c color.NRGBA) float64 {
	luminance := 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
	return 1.05 / (luminance + 0.05)
}

func linear(v uint8) float64 { return resample.DecodeSRGB(float64(v) / 255) }
