package storage_test

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/storage"
)

func TestValidateKey(t *testing.T) {
	tests := []struct {
		name, key string
		valid     bool
	}{
		{"plain", "uploads/avatars/u1/1.jpg", true},
		{"one segment", "a", true},
		{"blank", "a b/c d", true},
		{"plus", "a+b", true},
		{"form characters", "a&b=c;d", true},
		{"not latin", "é/✓/日本", true},
		{"dot in front", ".a/.b", true},
		{"longest", strings.Repeat("a", storage.MaxKeyBytes), true},
		{"empty", "", false},
		{"too long", strings.Repeat("a", storage.MaxKeyBytes+1), false},
		{"too long in bytes", strings.Repeat("é", storage.MaxKeyBytes/2+1), false},
		{"slash in front", "/a", false},
		{"slash at the end", "a/", false},
		{"two slashes", "a//b", false},
		{"climbing", "a/../b", false},
		{"climbing first", "../a", false},
		{"two dots in a name", "a..b", false},
		{"dot segment", "a/./b", false},
		{"escape", "a%2e%2e/b", false},
		{"percent alone", "a%", false},
		{"backslash", `a\b`, false},
		{"query", "a?b", false},
		{"fragment", "a#b", false},
		{"quote", `a"b`, false},
		{"gocloud's escape", "a__0x2f__b", false},
		{"newline", "a\nb", false},
		{"nul", "a\x00b", false},
		{"delete", "a\x7fb", false},
		{"C1 control", "a\u0085b", false},
		{"right-to-left override", "a\u202eb", false},
		{"zero width joiner", "a\u200db", false},
		{"byte order mark", "\ufeffa", false},
		{"line separator", "a\u2028b", false},
		{"not UTF-8", "a\xffb", false},
		{"surrogate", "a\xed\xa0\x80b", false},
		{"overlong slash", "a\xc0\xafb", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := storage.ValidateKey(tt.key)
			if (err == nil) != tt.valid {
				t.Errorf("error %v, want valid %t", err, tt.valid)
			}
			if err != nil && !errors.Is(err, storage.ErrInvalidKey) {
				t.Errorf("error %v, want ErrInvalidKey", err)
			}
			if err != nil && len(tt.key) > 12 && strings.Contains(err.Error(), tt.key) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

// FuzzValidateKey: a valid key means the same to a URL parser and to a path cleaner as it does here.
func FuzzValidateKey(f *testing.F) {
	for _, key := range []string{"a/b.jpg", "../a", "a//b", "a%2fb", "a\x00", "é", "a b", "a?b#c"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if storage.ValidateKey(key) != nil {
			return
		}
		if cleaned := path.Clean("/" + key); cleaned != "/"+key {
			t.Errorf("%q is the path %q", key, cleaned)
		}
		u, err := url.Parse((&url.URL{Scheme: "https", Host: "h", Path: "/" + key}).String())
		if err != nil || u.Path != "/"+key {
			t.Errorf("%q becomes %v, %v in a URL", key, u, err)
		}
	})
}
