package avatar_test

import (
	"bytes"
	"image/color"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

func TestRenderTruncatedJPEGShowsWhatIsThere(t *testing.T) {
	data := encodeJPEG(t, quarters(640, 640))
	for _, share := range []int{60, 80, 95} {
		set := render(t, newPipeline(t, avatar.Config{}), data[:len(data)*share/100])
		if len(set.Source.Warnings) == 0 {
			t.Errorf("%d %%: no warning", share)
		}
		m := decodePicture(t, set.Pictures[0])
		wantColor(t, m, 20, 20, color.NRGBA{R: 255, A: 255})
		wantColor(t, m, 500, 20, color.NRGBA{G: 255, A: 255})
	}
}

func TestRenderDamagedJPEG(t *testing.T) {
	data := bytes.Clone(encodeJPEG(t, quarters(640, 640)))
	data[len(data)*9/10] ^= 0x55
	m := decodePicture(t, render(t, newPipeline(t, avatar.Config{}), data).Pictures[0])
	wantColor(t, m, 20, 20, color.NRGBA{R: 255, A: 255})
}

// Four components without an Adobe marker, which image/jpeg refuses.
func TestRenderCMYKWithoutAdobeMarker(t *testing.T) {
	data := cmykJPEG(0, [4]byte{76, 85, 255, 0})
	// They are plain CMYK: 255 is full ink.
	data = append([]byte{0xff, 0xd8}, data[2+16:]...)
	m := decodePicture(t, render(t, newPipeline(t, avatar.Config{Encoder: avatar.PNG{}}), data).Pictures[0])
	wantColor(t, m, 4, 4, color.NRGBA{R: 255 - 76, G: 255 - 85, B: 0, A: 255})
}
