package avatar_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// TestInitials compares with the picture of the initials that are wanted. Two names with the same initials and seed give the same picture.
func TestInitials(t *testing.T) {
	p := newPipeline(t, avatar.Config{})
	ctx := context.Background()
	tests := []struct{ name, person, same string }{ // same: another name that must give the same picture; "" for the identicon
		{"two words", "Ada Lovelace", "A L"},
		{"three words", "Ada King Lovelace", "A L"},
		{"one word", "ada", "A"},
		{"white space", " \t Ada\u00a0 \u3000Lovelace\n", "A L"},
		{"combining accent", "E\u0301mile Zola", "\u00c9 Z"},
		{"umlaut", "özil", "Ö"},
		{"Greek", "Σωκράτης", "Σ"},
		{"Cyrillic", "Лев Толстой", "Л Т"},
		{"brackets and quotes", "(Bob) “Smith”", "B S"},
		{"apostrophe", "o'Neill d'Arc", "O D"},
		{"number before a letter", "3Jane 7", "J"},
		{"emoji beside a word", "🎉 Ada", "A"},
		{"emoji in a word", "🎉Ada🎉", "A"},
		{"flag", "🇩🇪 Ada 🇫🇷", "A"},
		{"direction marks", "\u200fAda \u202eLovelace", "A L"},
		{"Latin beside Chinese", "Ada 李小龍", "A"},
		{"broken UTF-8 inside", "\xffAda \xfeLovelace", "A L"},
		{"a heap of accents", "A" + strings.Repeat("\u0301\u0323\u0330", 1000) + " Zola", "Z"},
		{"long", strings.Repeat("Ada ", 10000) + "Lovelace", "A L"},
		{"Chinese", "李 小龍", ""},
		{"Arabic", "محمد علي", ""},
		{"Hebrew", "דוד", ""},
		{"Devanagari", "अमिताभ", ""},
		{"Hangul", "김연아", ""},
		{"family emoji", "👨‍👩‍👧‍👦", ""},
		{"flags alone", "🇩🇪🇫🇷", ""},
		{"an accent alone", "\u0301", ""},
		{"digits", "12345", ""},
		{"blank", " \t\u00a0", ""},
		{"empty", "", ""},
		{"broken UTF-8", "\xff\xfe", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := p.Initials(ctx, tt.person, "seed")
			if err != nil {
				t.Fatal(err)
			}
			want, format := (*avatar.Set)(nil), "initials"
			if tt.same != "" {
				want, err = p.Initials(ctx, tt.same, "seed")
			} else {
				want, err = p.Identicon(ctx, "seed")
				format = "identicon"
			}
			if err != nil {
				t.Fatal(err)
			}
			if set.Source.Format != format {
				t.Errorf("got %s, want %s", set.Source.Format, format)
			}
			for i, pic := range set.Pictures {
				if m := decodePicture(t, pic); m.Bounds().Dx() != []int{512, 256, 128, 64}[i] {
					t.Errorf("variant %s is %v", pic.Name, m.Bounds())
				}
				if !bytes.Equal(pic.Data, want.Pictures[i].Data) {
					t.Errorf("variant %s is not that of %q", pic.Name, tt.same)
				}
			}
		})
	}
}

// TestInitialsContrast measures what a browser would: the colours of the encoded picture, over the whole circle of hues.
func TestInitialsContrast(t *testing.T) {
	small := avatar.Kind{Name: "avatar", Variants: []avatar.Variant{{Name: "s", Width: 16, Height: 16}}}
	p := newPipeline(t, avatar.Config{Kind: small})
	worst, colors := math.Inf(1), map[color.NRGBA]bool{}
	for i := range 3000 {
		set, err := p.Initials(context.Background(), "I", fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		c := color.NRGBAModel.Convert(decodePicture(t, set.Pictures[0]).At(0, 0)).(color.NRGBA)
		colors[c] = true
		worst = min(worst, contrast(c, color.NRGBA{255, 255, 255, 255}))
	}
	t.Logf("worst contrast %.2f in %d colours", worst, len(colors))
	if worst < 4.5 {
		t.Errorf("the contrast to white is %.2f, want at least 4.5", worst)
	}
	if len(colors) < 500 {
		t.Errorf("3000 seeds gave %d colours", len(colors))
	}
}

// contrast is the ratio of WCAG 2.2.
func contrast(a, b color.NRGBA) float64 {
	luminance := func(c color.NRGBA) float64 {
		light := func(v uint8) float64 {
			if f := float64(v) / 255; f > 0.04045 {
				return math.Pow((f+0.055)/1.055, 2.4)
			}
			return float64(v) / 255 / 12.92
		}
		return 0.2126*light(c.R) + 0.7152*light(c.G) + 0.0722*light(c.B)
	}
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// TestInitialsFit looks for white outside the circle that round avatars are cut to, and for some of it inside.
func TestInitialsFit(t *testing.T) {
	for _, kind := range []avatar.Kind{avatar.AvatarKind(), avatar.BannerKind()} {
		p := newPipeline(t, avatar.Config{Kind: kind, Encoder: avatar.PNG{}})
		for _, name := range []string{"I", "A L", "W W", "Щ Щ", "É Q", "j y"} {
			set, err := p.Initials(context.Background(), name, "seed")
			if err != nil {
				t.Fatal(err)
			}
			m := decodePicture(t, set.Pictures[0])
			size := m.Bounds().Size()
			middle, radius := size.Div(2), min(size.X, size.Y)/2
			inside, outside := 0, 0
			for y := range size.Y {
				for x := range size.X {
					if c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA); c.R > 240 && c.G > 240 && c.B > 240 {
						if d := image.Pt(x, y).Sub(middle); d.X*d.X+d.Y*d.Y < radius*radius*9/10 {
							inside++
						} else {
							outside++
						}
					}
				}
			}
			if inside < radius*radius/100 || outside > 0 {
				t.Errorf("%s, %q: %d white pixels inside the circle, %d outside", kind.Name, name, inside, outside)
			}
		}
	}
}

func TestIdenticonDependsOnItsSeed(t *testing.T) {
	p := newPipeline(t, avatar.Config{Kind: avatar.BannerKind()})
	seen := map[string]bool{}
	for i := range 20 {
		set, err := p.Identicon(context.Background(), fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		if got := decodePicture(t, set.Pictures[0]).Bounds().Size(); got.X != 1500 || got.Y != 500 {
			t.Fatalf("the picture is %v", got)
		}
		seen[string(set.Pictures[1].Data)] = true
	}
	if len(seen) != 20 {
		t.Errorf("20 seeds gave %d pictures", len(seen))
	}
}
