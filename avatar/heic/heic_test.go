package heic_test

import (
	"bytes"
	"context"
	"errors"
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
