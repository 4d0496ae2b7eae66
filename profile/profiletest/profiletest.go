// Package profiletest proves that a database serves the package profile.
package profiletest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/profile"
)

// opener returns a store on a new, empty database.
type opener func(t testing.TB, opts *profile.SQLOptions) *profile.SQLStore

// Run runs the conformance tests of [profile.SQLStore]. newDB returns a database that holds the tables of profile.Migrations and no
// row; it is called once for each test, and closes the database with t.Cleanup.
func Run(t *testing.T, newDB func(t testing.TB) *sql.DB) {
	open := func(t testing.TB, opts *profile.SQLOptions) *profile.SQLStore {
		t.Helper()
		return profile.NewSQLStore(newDB(t), opts)
	}
	tests := []struct {
		name string
		run  func(*testing.T, opener)
	}{
		{"CreateAndRead", testCreateAndRead},
		{"Update", testUpdate},
		{"ConcurrentEditsHaveOneWinner", testConcurrentEditsHaveOneWinner},
		{"DisplayName", testDisplayName},
		{"PictureOnlyMovesForwards", testPictureOnlyMovesForwards},
		{"ConcurrentPicturesEndWithTheGreatest", testConcurrentPicturesEndWithTheGreatest},
		{"Activities", testActivities},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open) })
	}
}

func create(t testing.TB, s *profile.SQLStore, subject, handle string) profile.Profile {
	t.Helper()
	p, err := s.Create(context.Background(), subject, handle, "Name of "+handle)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testCreateAndRead(t *testing.T, open opener) {
	ctx, s := context.Background(), open(t, nil)
	create(t, s, "sub-1", "Andrew")
	p, err := s.ByHandle(ctx, "aNDREW")
	if err != nil || p.Handle != "Andrew" || p.Subject != "sub-1" || p.Version != 1 || p.CrudsCount != 0 {
		t.Fatalf("ByHandle = %+v, %v", p, err)
	}
	if _, err := s.Create(ctx, "sub-2", "ANDREW", "B"); !errors.Is(err, profile.ErrHandleTaken) {
		t.Errorf("same handle in other case: %v", err)
	}
	if _, err := s.Create(ctx, "sub-1", "other", "B"); !errors.Is(err, profile.ErrExists) {
		t.Errorf("same subject: %v", err)
	}
	for _, h := range []string{"", "nobody", "' OR 1=1", strings.Repeat("x", 10_000)} {
		if _, err := s.ByHandle(ctx, h); !errors.Is(err, profile.ErrNotFound) {
			t.Errorf("ByHandle(%.20q) = %v; want ErrNotFound", h, err)
		}
	}
	if err := s.Delete(ctx, "sub-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.BySubject(ctx, "sub-1"); !errors.Is(err, profile.ErrNotFound) {
		t.Errorf("after Delete: %v", err)
	}
	if err := s.Delete(ctx, "sub-1"); !errors.Is(err, profile.ErrNotFound) {
		t.Errorf("second Delete: %v", err)
	}
}

func testUpdate(t *testing.T, open opener) {
	ctx, s := context.Background(), open(t, nil)
	create(t, s, "sub", "andrew")
	edit := func(body string, version int64) (profile.Profile, error) {
		u, err := profile.ParseUpdate([]byte(body))
		if err != nil {
			return profile.Profile{}, err
		}
		return s.Update(ctx, "sub", u, version)
	}
	if p, err := edit(`{"bio":"hello"}`, 1); err != nil || p.Bio != "hello" || p.DisplayName != "Name of andrew" || p.Version != 2 {
		t.Fatalf("bio only: %+v, %v", p, err)
	}
	if p, err := edit(`{"display_name":"  Ada   Lovelace "}`, 2); err != nil || p.DisplayName != "Ada Lovelace" || p.Bio != "hello" {
		t.Fatalf("an omitted bio must stay: %+v, %v", p, err)
	}
	if p, err := edit(`{"bio":null}`, 0); err != nil || p.Bio != "" || p.Version != 4 {
		t.Fatalf("null clears: %+v, %v", p, err)
	}
	var conflict *profile.ConflictError
	if _, err := edit(`{"bio":"late"}`, 2); !errors.As(err, &conflict) || conflict.Current != 4 {
		t.Fatalf("stale version: %v", err)
	}
	if _, err := s.Update(ctx, "unknown", profile.Update{}, 0); !errors.Is(err, profile.ErrNotFound) {
		t.Fatalf("unknown subject: %v", err)
	}
}

func testConcurrentEditsHaveOneWinner(t *testing.T, open opener) {
	ctx, s := context.Background(), open(t, nil)
	create(t, s, "sub", "andrew")
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() {
			bio := fmt.Sprint(i)
			_, results[i] = s.Update(ctx, "sub", profile.Update{Bio: &bio}, 1)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		var conflict *profile.ConflictError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &conflict):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 edits of one version won", won)
	}
}

func testDisplayName(t *testing.T, open opener) {
	tests := []struct{ name, in, want, code string }{
		{"plain", "Ada", "Ada", ""},
		{"composed", "e\u0301", "\u00e9", ""},
		{"family", "👩\u200d👩\u200d👧\u200d👦", "👩\u200d👩\u200d👧\u200d👦", ""},
		{"burning heart", "❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥", ""},
		{"flag of Wales", "🏴\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F", "🏴\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F", ""},
		{"keycap", "1\ufe0f⃣", "1\ufe0f⃣", ""},
		{"Devanagari joiner", "क्\u200dष", "क्\u200dष", ""},
		{"Persian non-joiner", "می\u200cخواهم", "می\u200cخواهم", ""},
		{"forty families", strings.Repeat("👨\u200d👩\u200d👧", 40), strings.Repeat("👨\u200d👩\u200d👧", 40), ""},
		{"empty", "", "", profile.CodeRequired},
		{"blank", " \u3000 ", "", profile.CodeRequired},
		{"only a mark", "\u0301", "", profile.CodeRequired},
		{"too long", strings.Repeat("x", 51), "", profile.CodeTooLong},
		{"100 k", strings.Repeat("x", 100_000), "", profile.CodeTooManyBytes},
		{"marks past the byte limit", strings.Repeat("a"+strings.Repeat("\u0316", 20), 40), "", profile.CodeTooManyBytes},
		// Normalisation puts a joiner behind each 30 marks (UAX 15, stream-safe text), and joiners are refused.
		{"500 marks", "a" + strings.Repeat("\u0316", 500), "", profile.CodeInvalidChars},
		{"override", "a\u202eb", "", profile.CodeInvalidChars},
		{"zero width space", "a\u200bb", "", profile.CodeInvalidChars},
		{"filler", "\u3164", "", profile.CodeInvalidChars},
		{"joiner in Latin", "pay\u200dpal", "", profile.CodeInvalidChars},
		{"tags in text", "a\U000E0041", "", profile.CodeInvalidChars},
		{"newline", "a\nb", "", profile.CodeInvalidChars},
		{"NUL", "a\x00b", "", profile.CodeInvalidChars},
		{"not utf-8", "a\xff", "", profile.CodeInvalidChars},
	}
	ctx, s := context.Background(), open(t, nil)
	create(t, s, "sub", "andrew")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := s.Update(ctx, "sub", profile.Update{DisplayName: &tt.in}, 0)
			var v *profile.ValidationError
			switch {
			case tt.code == "" && (err != nil || p.DisplayName != tt.want):
				t.Errorf("got %q, %v; want %q", p.DisplayName, err, tt.want)
			case tt.code != "" && (!errors.As(err, &v) || v.Fields[0].Code != tt.code):
				t.Errorf("got %v; want %s", err, tt.code)
			}
		})
	}
}

func testPictureOnlyMovesForwards(t *testing.T, open opener) {
	const older, newer, newest = "0190a000-0000-7000-8000-000000000001", "0190a000-0000-7000-8000-000000000002", "0190a000-0000-7000-8000-000000000003"
	ctx, s := context.Background(), open(t, nil)
	create(t, s, "sub", "andrew")
	set := func(id string, want bool) {
		t.Helper()
		if changed, err := s.SetPicture(ctx, "sub", "avatar", id); err != nil || changed != want {
			t.Fatalf("SetPicture(%s) = %v, %v; want %v", id, changed, err, want)
		}
	}
	current := func(want string) {
		t.Helper()
		if p, err := s.BySubject(ctx, "sub"); err != nil || p.Pictures["avatar"] != want || p.Version != 1 {
			t.Fatalf("picture %q, version %d, %v; want %q and version 1", p.Pictures["avatar"], p.Version, err, want)
		}
	}
	set(newer, true)
	set(newer, false)
	set(older, false)
	current(newer)
	if cleared, err := s.ClearPicture(ctx, "sub", "avatar", ""); err != nil || !cleared {
		t.Fatalf("ClearPicture = %v, %v", cleared, err)
	}
	current("")
	set(newer, false)
	current("")
	set(newest, true)
	current(newest)
	if _, err := s.SetPicture(ctx, "unknown", "avatar", newest); !errors.Is(err, profile.ErrNotFound) {
		t.Errorf("unknown subject: %v", err)
	}
}

func testConcurrentPicturesEndWithTheGreatest(t *testing.T, open opener) {
	ctx, s := context.Background(), open(t, nil)
	create(t, s, "sub", "andrew")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := s.SetPicture(ctx, "sub", "avatar", fmt.Sprintf("id-%02d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if p, err := s.BySubject(ctx, "sub"); err != nil || p.Pictures["avatar"] != "id-15" {
		t.Errorf("picture = %q, %v; want id-15", p.Pictures["avatar"], err)
	}
}

func testActivities(t *testing.T, open opener) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ctx, s := context.Background(), open(t, &profile.SQLOptions{Now: func() time.Time { return now }})
	create(t, s, "sub", "andrew")
	var first profile.Activity
	for i := range 5 { // all at one instant: the order must still be total
		a, err := s.Post(ctx, "sub", profile.NewActivity{Message: fmt.Sprint("m", i)})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = a
		}
	}
	if _, err := s.Post(ctx, "sub", profile.NewActivity{Message: "reply", ReplyTo: first.UUID}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Post(ctx, "sub", profile.NewActivity{Message: "brief", ExpiresAt: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []profile.NewActivity{{Message: "x", ReplyTo: "unknown"}} {
		if _, err := s.Post(ctx, "sub", bad); !errors.Is(err, profile.ErrNotFound) {
			t.Errorf("Post(%+v) = %v", bad, err)
		}
	}
	if _, err := s.Post(ctx, "unknown", profile.NewActivity{Message: "x"}); !errors.Is(err, profile.ErrNotFound) {
		t.Errorf("unknown subject: %v", err)
	}
	count := func(want int64) {
		t.Helper()
		if p, err := s.BySubject(ctx, "sub"); err != nil || p.CrudsCount != want || p.Version != 1 {
			t.Fatalf("count %d, version %d, %v; want %d and version 1", p.CrudsCount, p.Version, err, want)
		}
	}
	count(6)
	now = now.Add(2 * time.Hour)
	count(5)
	seen := map[string]bool{}
	page := profile.Page{Limit: 2}
	for pages := 0; ; pages++ {
		got, err := s.Activities(ctx, "ANDREW", page)
		if err != nil || pages > 3 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, a := range got.Items {
			if seen[a.UUID] || a.Message == "brief" || a.DisplayName != "Name of andrew" {
				t.Fatalf("unexpected %+v", a)
			}
			seen[a.UUID] = true
		}
		if page.After = got.Next; got.Next == "" {
			break
		}
	}
	if len(seen) != 6 {
		t.Errorf("pages held %d activities; want 6", len(seen))
	}
	if n, err := s.PurgeExpired(ctx, 10); err != nil || n != 1 {
		t.Fatalf("PurgeExpired = %d, %v", n, err)
	}
	count(5)
	for _, c := range []string{"x", "!!", "MTIz"} {
		if _, err := s.Activities(ctx, "andrew", profile.Page{After: c}); !errors.Is(err, profile.ErrCursor) {
			t.Errorf("cursor %q: %v", c, err)
		}
	}
}
