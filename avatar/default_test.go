package avatar_test

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"math"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

func TestInitials(t *testing.T) {
	p := newPipeline(t, avatar.Config{})
	ctx := context.Background()
	tests := []struct{ name, person, format string }{
		{"two words", "Ada Lovelace", "initials"},
		{"one word", "ada", "initials"},
		{"combining accent", "E\u0301mile Zola", "initials"},
		{"Cyrillic", "Лев Толстой", "initials"},
		{"emoji beside a word", "🎉 Ada", "initials"},
		{"Chinese", "李 小龍", "identicon"},
		{"family emoji", "👨‍👩‍👧‍👦", "identicon"},
		{"empty", "", "identicon"},
		{"broken UTF-8", "\xff\xfe", "identicon"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := p.Initials(ctx, tt.person, "seed")
			if err != nil {
				t.Fatal(err)
			}
			if set.Source.Format != tt.format {
				t.Errorf("got %s, want %s", set.Source.Format, tt.format)
			}
			for i, pic := range set.Pictures {
				if m := decodePicture(t, pic); m.Bounds().Dx() != []int{512, 256, 128, 64}[i] {
					t.Errorf("variant %s is %v", pic.Name, m.Bounds())
				}
			}
			again, err := p.Initials(ctx, tt.person, "seed")
			if err != nil || !bytes.Equal(again.Pictures[0].Data, set.Pictures[0].Data) {
				t.Error("a second call gives another picture")
			}
		})
	}
}

func TestInitialsContrast(t *testing.T) {
	p := newPipeline(t, avatar.Config{Encoder: avatar.PNG{}})
	worst := math.Inf(1)
	for i := range 60 {
		set, err := p.Initials(context.Background(), "Il", fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		c := color.NRGBAModel.Convert(decodePicture(t, set.Pictures[0]).At(3, 3)).(color.NRGBA)
		light := func(v uint8) float64 {
			if f := float64(v) / 255; f > 0.04045 {
				return math.Pow((f+0.055)/1.055, 2.4)
			}
			return float64(v) / 255 / 12.92
		}
		worst = min(worst, 1.05/(0.2126*light(c.R)+0.7152*light(c.G)+0.0722*light(c.B)+0.05))
	}
	if worst < 4.5 {
		t.Errorf("the contrast to white is %.2f, want at least 4.5", worst)
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
