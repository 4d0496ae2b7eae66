package profile_test

import (
	"errors"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/cruddur/avatarkit/profile"
)

// FuzzParseUpdate: whatever the body, the answer is an update or a ValidationError with at least one fault.
func FuzzParseUpdate(f *testing.F) {
	for _, seed := range []string{`{"bio":"x","display_name":"y"}`, `{"bio":null}`, `{}`, `[]`, `{"bio":1}`, `{"bio":"a","bio":"b"}`, `{"b`, "\xff", `{"x":{"y":[1]}} {}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := profile.ParseUpdate(body)
		var invalid *profile.ValidationError
		if err != nil && (!errors.As(err, &invalid) || len(invalid.Fields) == 0) {
			t.Fatalf("%v", err)
		}
	})
}

// FuzzText: a text that is accepted is stored in a form that is valid, normal, and accepted again as it is.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"Ada", "  Ada \t Lovelace", "e\u0301", "👩\u200d👩\u200d👧", "🏴\U000E0067\U000E007F", "1\ufe0f⃣", "a\u202eb", "\u0301", "a\r\nb", "क्\u200dष", "\u1100\u1161", "\xff"} {
		f.Add(seed)
	}
	store := profile.NewSQLStore(newDB(f), nil)
	if _, err := store.Create(f.Context(), "sub", "andrew", "Andrew"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := store.Update(t.Context(), "sub", profile.Update{DisplayName: &text, Bio: &text}, 0)
		var invalid *profile.ValidationError
		if errors.As(err, &invalid) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, stored := range []string{p.DisplayName, p.Bio} {
			if !utf8.ValidString(stored) || !norm.NFC.IsNormalString(stored) || len(stored) > profile.MaxBio*profile.MaxClusterBytes {
				t.Fatalf("%q is stored as %q", text, stored)
			}
		}
		again, err := store.Update(t.Context(), "sub", profile.Update{DisplayName: &p.DisplayName, Bio: &p.Bio}, 0)
		if err != nil || again.DisplayName != p.DisplayName || again.Bio != p.Bio {
			t.Fatalf("%q is stored as %q, and that as %q: %v", text, p.DisplayName, again.DisplayName, err)
		}
	})
}

// FuzzCursor: a cursor is one of ours, or ErrCursor.
func FuzzCursor(f *testing.F) {
	store := profile.NewSQLStore(newDB(f), nil)
	if _, err := store.Create(f.Context(), "sub", "andrew", "Andrew"); err != nil {
		f.Fatal(err)
	}
	for range 2 {
		if _, err := store.Post(f.Context(), "sub", profile.NewActivity{Message: "x"}); err != nil {
			f.Fatal(err)
		}
	}
	page, err := store.Activities(f.Context(), "andrew", profile.Page{Limit: 1})
	if err != nil || page.Next == "" {
		f.Fatalf("%+v, %v", page, err)
	}
	for _, seed := range []string{page.Next, "", "x", "MTIz", "!!", page.Next + "A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, after string) {
		if _, err := store.Activities(t.Context(), "andrew", profile.Page{After: after}); err != nil && !errors.Is(err, profile.ErrCursor) {
			t.Fatalf("%q: %v", after, err)
		}
	})
}
