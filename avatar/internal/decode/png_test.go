package decode_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/decode"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// texture makes image/png choose all of its filters.
func texture(w, h int, alpha bool) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	random := rand.New(rand.NewPCG(1, 2))
	for y := range h {
		for x := range w {
			c := color.NRGBA{byte(x * 3), byte(y*5 + x), byte(x*y/7) + byte(random.UintN(3)), 255}
			switch y / 8 % 4 {
			case 1:
				c.R, c.G = byte(y), byte(random.UintN(256))
			case 2:
				c.B = byte(x + y)
			case 3:
				c = color.NRGBA{byte(random.UintN(256)), byte(random.UintN(256)), 9, 255}
			}
			if alpha {
				c.A = byte(x * 255 / w)
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// TestPNGRows holds what is read by rows against image/png, for the whole picture and for parts.
func TestPNGRows(t *testing.T) {
	for _, alpha := range []bool{false, true} {
		m := texture(97, 80, alpha)
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		info, err := probe.Read("png", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		result, err := decode.Decode(context.Background(), info, b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := result.Rows.(interface{ Damaged() bool }); !ok {
			t.Fatal("it is not read by rows")
		}
		for _, rect := range []image.Rectangle{m.Rect, image.Rect(3, 5, 60, 71), image.Rect(96, 79, 97, 80)} {
			got := scale(t, result.Rows, rect)
			want := scale(t, resample.FromImage(m, false), rect)
			if !bytes.Equal(got.Pix, want.Pix) {
				t.Errorf("alpha %v, %v: the pixels differ", alpha, rect)
			}
		}
		if len(result.AllWarnings()) != 0 {
			t.Errorf("warnings: %q", result.AllWarnings())
		}
	}
}

func scale(t *testing.T, src resample.Source, rect image.Rectangle) *image.NRGBA {
	t.Helper()
	p, err := resample.Scale(context.Background(), new(resample.Memory), src, rect, rect.Size(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return p.NRGBA()
}
