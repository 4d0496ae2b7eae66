package heic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/avatar/heic"
)

// header is a HEIC header that states a size, and no picture.
func header(side string) []byte {
	ispe := "\x00\x00\x00\x14ispe\x00\x00\x00\x00" + side + side
	ipco := "\x00\x00\x00\x1cipco" + ispe
	iprp := "\x00\x00\x00\x24iprp" + ipco
	return []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + "\x00\x00\x00\x30meta\x00\x00\x00\x00" + iprp)
}

func TestRejects(t *testing.T) {
	d, err := heic.New()
	if err != nil {
		t.Skip(err)
	}
	p, err := avatar.New(avatar.Config{Decoders: []avatar.Decoder{d}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		data   []byte
		reason avatar.Reason
	}{
		{"a header without a picture", header("\x00\x00\x01\x00"), avatar.ReasonCorrupt},
		{"a bomb", header("\x00\x01\x00\x00"), avatar.ReasonTooManyPixels},
		{"a bomb of four bytes a side", header("\xff\xff\xff\xff"), avatar.ReasonTooManyPixels},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.Render(context.Background(), bytes.NewReader(tt.data))
			var reject *avatar.RejectError
			if !errors.As(err, &reject) || reject.Reason != tt.reason || errors.Is(err, avatar.ErrDefect) {
				t.Errorf("got %v, want %s", err, tt.reason)
			}
		})
	}
}

// TestRealPicture decodes a test file of the codec's own module, where the module cache has it: there is no encoder to make one with.
func TestRealPicture(t *testing.T) {
	d, err := heic.New()
	if err != nil {
		t.Skip(err)
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/gen2brain/heic").Output()
	if err != nil {
		t.Skip("go list: ", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "testdata", "test8.heic"))
	if err != nil {
		t.Skip(err)
	}
	p, err := avatar.New(avatar.Config{Decoders: []avatar.Decoder{d}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := p.Render(context.Background(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if s := set.Source; s.Format != "heic" || s.Width != 512 || s.Height != 512 || s.Orientation != 1 {
		t.Errorf("source is %+v", s)
	}
	if m, err := jpeg.Decode(bytes.NewReader(set.Pictures[0].Data)); err != nil || m.Bounds().Dx() != 512 {
		t.Errorf("the output does not decode: %v", err)
	}
	if _, err := p.Render(context.Background(), bytes.NewReader(data[:len(data)/2])); !errors.As(err, new(*avatar.RejectError)) {
		t.Errorf("cut short: got %v", err)
	}
	small, err := avatar.New(avatar.Config{Decoders: []avatar.Decoder{d}, MaxPixels: 512*512 - 1})
	if err != nil {
		t.Fatal(err)
	}
	var reject *avatar.RejectError
	if _, err := small.Render(context.Background(), bytes.NewReader(data)); !errors.As(err, &reject) || reject.Reason != avatar.ReasonTooManyPixels {
		t.Errorf("over the limit: got %v", err)
	}
}

func TestDecodeLooksAtTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (heic.Decoder{}).Decode(ctx, header("\x00\x00\x01\x00")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func ExampleNew() {
	cfg := avatar.Config{}
	if decoder, err := heic.New(); err == nil { // an error: build with -tags nodynamic
		cfg.Decoders = append(cfg.Decoders, decoder)
	}
	pipeline, err := avatar.New(cfg)
	fmt.Println(pipeline != nil, err)
	// Output: true <nil>
}
