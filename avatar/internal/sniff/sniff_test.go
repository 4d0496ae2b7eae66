package sniff_test

import (
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/sniff"
)

func TestDetect(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"jpeg", "\xff\xd8\xff\xe0", "jpeg"},
		{"webp", "RIFF\x00\x00\x00\x00WEBPVP8 ", "webp"},
		{"wav is no webp", "RIFF\x00\x00\x00\x00WAVEfmt ", "wav"},
		{"avif by a compatible brand", "\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00heicavif", "avif"},
		{"mp4", "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42", "video"},
		{"svg behind a comment", "\xef\xbb\xbf <!-- x -->\n<svg>", "svg"},
		{"svg in UTF-16", "\xff\xfe<\x00s\x00v\x00g\x00>\x00", "svg"},
		{"html with an svg", "<html><svg>", "html"},
		{"late pdf", "\x01\x02\x03\x04\n%PDF-1.4", "pdf"},
		{"text that begins with BM", "BMW drivers are people too", "text"},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sniff.Detect([]byte(tt.data)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzDetect(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), 3)
	f.Add([]byte("GIF89a/*PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0)
	f.Fuzz(func(t *testing.T, data []byte, end int) {
		sniff.Detect(data)
		sniff.Polyglot(data, end, [][]byte{data})
	})
}
