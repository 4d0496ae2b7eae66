package sqlsplit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/internal/sqlsplit"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		name, script string
		sqlite       bool
		want         []string
	}{
		{"nothing", " \n-- c\n/* d */;;", false, nil},
		{"no last semicolon", "SELECT 1;\nSELECT 2", false, []string{"SELECT 1", "SELECT 2"}},
		{"strings", `SELECT ';''', ";"";"; SELECT 2`, false, []string{`SELECT ';''', ";"";"`, "SELECT 2"}},
		{"backslash", `SELECT 'a\'; SELECT E'\';'; SELECT 3`, false, []string{`SELECT 'a\'`, `SELECT E'\';'`, "SELECT 3"}},
		{"backslash of SQLite", `SELECT e'\'; SELECT 2`, true, []string{`SELECT e'\'`, "SELECT 2"}},
		{"dollar quotes", "SELECT $$;$$; DO $f$ $$;$$ $f$; SELECT a$b$;", false, []string{"SELECT $$;$$", "DO $f$ $$;$$ $f$", "SELECT a$b$"}},
		{"no dollar quotes of SQLite", "SELECT $a; SELECT $b$;", true, []string{"SELECT $a", "SELECT $b$"}},
		{"nested comments", "SELECT /* ; /* ; */ ; */ 1; SELECT 2", false, []string{"SELECT /* ; /* ; */ ; */ 1", "SELECT 2"}},
		{"flat comments of SQLite", "SELECT /* ; /* ; */ 1; SELECT 2", true, []string{"SELECT /* ; /* ; */ 1", "SELECT 2"}},
		{"names of SQLite", "SELECT `;```, [;]; SELECT 2", true, []string{"SELECT `;```, [;]", "SELECT 2"}},
		{"atomic body", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3", false,
			[]string{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END", "SELECT 3"}},
		{"trigger of SQLite", "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = CASE n WHEN 1 THEN 2 END; DELETE FROM u; END; SELECT 3", true,
			[]string{"CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = CASE n WHEN 1 THEN 2 END; DELETE FROM u; END", "SELECT 3"}},
		{"trigger of PostgreSQL", "CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f(); SELECT 2", false, []string{"CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()", "SELECT 2"}},
		{"rule", "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM u; DELETE FROM v); SELECT 2", false, []string{"CREATE RULE r AS ON INSERT TO t DO (DELETE FROM u; DELETE FROM v)", "SELECT 2"}},
		{"stray parenthesis", "SELECT ); SELECT (2);", false, []string{"SELECT )", "SELECT (2)"}},
		{"unclosed", "SELECT 1; SELECT 'a; b", false, []string{"SELECT 1", "SELECT 'a; b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range sqlsplit.Split(tt.script, tt.sqlite) {
				got = append(got, s.Text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestLinesAndWords(t *testing.T) {
	got := sqlsplit.Split("\n-- c\ncreate  Table a (\nid int);\n\n/* d\n*/ vacuum;", false)
	want := []sqlsplit.Statement{{Text: "create  Table a (\nid int)", Line: 3, Words: "CREATE TABLE A"}, {Text: "vacuum", Line: 7, Words: "VACUUM"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if !got[0].Is("CREATE TABLE") || !got[1].Is("ANALYZE", "VACUUM") || got[1].Is("VAC") {
		t.Error("Is")
	}
}

// FuzzSplit checks what must hold for any script: the statements lie in it in order, on the lines that they name, and splitting
// one of them again yields itself.
func FuzzSplit(f *testing.F) {
	f.Add("SELECT 1; SELECT ';'; DO $$ ; $$; /* ; */ -- ;\n CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; END;", false)
	f.Add("CREATE TRIGGER g BEGIN DELETE FROM t; END; SELECT [;], `;`;", true)
	f.Fuzz(func(t *testing.T, script string, sqlite bool) {
		at := 0
		for _, s := range sqlsplit.Split(script, sqlite) {
			i := strings.Index(script[at:], s.Text)
			if i < 0 || s.Text == "" {
				t.Fatalf("%q is not in %q after byte %d", s.Text, script, at)
			}
			at += i + len(s.Text)
			if begin := strings.Count(script[:at-len(s.Text)], "\n") + 1; s.Line < begin {
				t.Fatalf("%q is said to begin on line %d, found on %d", s.Text, s.Line, begin)
			}
			again := sqlsplit.Split(s.Text, sqlite)
			if len(again) != 1 || again[0].Text != s.Text || again[0].Words != s.Words {
				t.Fatalf("%q splits again into %+v", s.Text, again)
			}
		}
	})
}
