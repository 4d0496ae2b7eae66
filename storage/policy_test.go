package storage_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/storage"
)

func TestPolicyCheckDefaults(t *testing.T) {
	tests := []struct {
		name     string
		in, want storage.Policy
	}{
		{"exact size", storage.Policy{ContentType: "image/png", Size: 7},
			storage.Policy{ContentType: "image/png", Size: 7, MinBytes: 7, MaxBytes: 7, Expires: storage.DefaultExpiry}},
		{"exact size below a maximum", storage.Policy{ContentType: "image/png", Size: 7, MaxBytes: 9, MinBytes: 2},
			storage.Policy{ContentType: "image/png", Size: 7, MinBytes: 7, MaxBytes: 7, Expires: storage.DefaultExpiry}},
		{"maximum", storage.Policy{ContentType: "image/svg+xml", MaxBytes: 9, Expires: time.Minute},
			storage.Policy{ContentType: "image/svg+xml", MinBytes: 1, MaxBytes: 9, Expires: time.Minute}},
		{"the largest", storage.Policy{ContentType: "a/b", Size: storage.MaxUploadBytes, Expires: storage.MaxExpiry},
			storage.Policy{ContentType: "a/b", Size: storage.MaxUploadBytes, MinBytes: storage.MaxUploadBytes, MaxBytes: storage.MaxUploadBytes, Expires: storage.MaxExpiry}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := tt.in.Check(); err != nil || got != tt.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestPolicyCheckRefuses(t *testing.T) {
	tests := []struct {
		name string
		edit func(*storage.Policy)
	}{
		{"no type", func(p *storage.Policy) { p.ContentType = "" }},
		{"type without subtype", func(p *storage.Policy) { p.ContentType = "image" }},
		{"type in upper case", func(p *storage.Policy) { p.ContentType = "Image/PNG" }},
		{"type with a parameter", func(p *storage.Policy) { p.ContentType = "text/html; charset=utf-8" }},
		{"any type", func(p *storage.Policy) { p.ContentType = "image/*" }},
		{"two types", func(p *storage.Policy) { p.ContentType = "image/png,text/html" }},
		{"type with a blank", func(p *storage.Policy) { p.ContentType = "image/png " }},
		{"type of two lines", func(p *storage.Policy) { p.ContentType = "image/png\r\nx-a: b" }},
		{"type with two slashes", func(p *storage.Policy) { p.ContentType = "image/png/x" }},
		{"type that is not ASCII", func(p *storage.Policy) { p.ContentType = "image/é" }},
		{"type that is too long", func(p *storage.Policy) { p.ContentType = "image/" + strings.Repeat("a", 128) }},
		{"no bound", func(p *storage.Policy) { p.Size = 0 }},
		{"negative size", func(p *storage.Policy) { p.Size = -1 }},
		{"negative maximum", func(p *storage.Policy) { p.MaxBytes = -1 }},
		{"negative minimum", func(p *storage.Policy) { p.MinBytes = -1 }},
		{"size over the maximum", func(p *storage.Policy) { p.MaxBytes = 6 }},
		{"minimum over the size", func(p *storage.Policy) { p.MinBytes = 8 }},
		{"minimum over the maximum", func(p *storage.Policy) { p.Size, p.MaxBytes, p.MinBytes = 0, 7, 8 }},
		{"larger than one request may be", func(p *storage.Policy) { p.Size = storage.MaxUploadBytes + 1 }},
		{"digest in upper case", func(p *storage.Policy) { p.SHA256 = strings.Repeat("A", 64) }},
		{"digest in base64", func(p *storage.Policy) { p.SHA256 = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=" }},
		{"short digest", func(p *storage.Policy) { p.SHA256 = "abc" }},
		{"cache control of two lines", func(p *storage.Policy) { p.CacheControl = "no-store\nx: y" }},
		{"long cache control", func(p *storage.Policy) { p.CacheControl = strings.Repeat("a", 257) }},
		{"upload id of two lines", func(p *storage.Policy) { p.UploadID = "a\nb" }},
		{"long upload id", func(p *storage.Policy) { p.UploadID = strings.Repeat("a", 129) }},
		{"negative expiry", func(p *storage.Policy) { p.Expires = -time.Second }},
		{"expiry over seven days", func(p *storage.Policy) { p.Expires = storage.MaxExpiry + time.Second }},
		{"expiry of half a second", func(p *storage.Policy) { p.Expires = 500 * time.Millisecond }},
		{"largest expiry there is", func(p *storage.Policy) { p.Expires = 1<<63 - 1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := storage.Policy{ContentType: "image/png", Size: 7}
			tt.edit(&p)
			if got, err := p.Check(); !errors.Is(err, storage.ErrInvalidPolicy) || got != (storage.Policy{}) {
				t.Errorf("got %+v, %v, want ErrInvalidPolicy alone", got, err)
			}
		})
	}
	_, err := storage.Policy{Size: -1, SHA256: "x", Expires: -1}.Check()
	if got := strings.Count(fmt.Sprint(err), "\n") + 1; got < 4 {
		t.Errorf("%d faults are named, want all: %v", got, err)
	}
}

func ExamplePolicy_Check() {
	checked, err := storage.Policy{ContentType: "image/png", MaxBytes: 5 << 20}.Check()
	fmt.Println(checked.MinBytes, checked.MaxBytes, checked.Expires, err)
	_, err = storage.Policy{ContentType: "PNG"}.Check()
	fmt.Println(err)
	// Output:
	// 1 5242880 5m0s <nil>
	// invalid upload policy: ContentType must be one lower-case media type without parameters
	// invalid upload policy: set Size or MaxBytes: an upload without a bound is not granted
}
