//go:build unix

package migrate_test

import (
	"bytes"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/cruddur/avatarkit/internal/e2e/component"
	"github.com/cruddur/avatarkit/internal/sqlsplit"
)

// psqlSplits returns the queries that psql sends for script to a server which agrees with everything, or false if the script
// holds something that psql itself interprets.
func psqlSplits(t *testing.T, psql, script string) ([]string, bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	queries := make(chan []string)
	go func() { queries <- record(l) }()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	cmd := exec.Command(psql, "-X", "-q", "-f", "-", "host="+host+" port="+port+" user=x dbname=x sslmode=disable gssencmode=disable")
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = []string{"PGCLIENTENCODING=UTF8", "LC_ALL=C.UTF-8"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("psql: %v\n%s", err, &stderr)
	}
	return <-queries, !strings.Contains(stderr.String(), "invalid command")
}

// record plays a server for one connection and returns the queries that it got.
func record(l net.Listener) (queries []string) {
	conn, err := l.Accept()
	if err != nil {
		return nil
	}
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return nil
	}
	b.Send(&pgproto3.AuthenticationOk{})
	for name, value := range map[string]string{"server_version": "15.0", "client_encoding": "UTF8", "server_encoding": "UTF8", "standard_conforming_strings": "on"} {
		b.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	for {
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		if b.Flush() != nil {
			return queries
		}
		message, err := b.Receive()
		if err != nil {
			return queries
		}
		if q, ok := message.(*pgproto3.Query); ok {
			queries = append(queries, q.String)
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 0")})
		}
	}
}

func compareWithPsql(t *testing.T, script string) {
	t.Helper()
	psql := component.Program(t, "psql")
	queries, comparable := psqlSplits(t, psql, script)
	if !comparable {
		t.Skip("psql takes a backslash command")
	}
	var want []string
	for _, q := range queries {
		if q = strings.TrimSpace(q); q != ";" && len(sqlsplit.Split(q, false)) > 0 {
			want = append(want, q)
		}
	}
	got := sqlsplit.Split(script, false)
	if len(got) != len(want) {
		t.Fatalf("%q: %d statements, psql has %d:\n%+v\n%q", script, len(got), len(want), got, want)
	}
	for i := range got {
		text := got[i].Text // psql keeps the semicolon, and comments before a statement, but no unclosed comment after it
		if rest, ok := strings.CutPrefix(text, want[i]); ok && strings.HasPrefix(rest, "/*") {
			continue
		}
		if !strings.HasSuffix(want[i], text) && !strings.HasSuffix(strings.TrimSpace(strings.TrimSuffix(want[i], ";")), text) {
			t.Errorf("%q: statement %d is %q, psql has %q", script, i+1, text, want[i])
		}
	}
}

var tricky = []string{
	"SELECT 1; SELECT 2",
	"SELECT ';'; SELECT \";\"; SELECT E'\\';'; SELECT e'\\\\'; SELECT 'a\\'; SELECT ''';'",
	"SELECT U&'\\0061;' || b'1;' || n';' || x'1;'; SELECT 2;",
	"SELECT $$;$$; SELECT $a$ $$;$$ $b$ $a$; SELECT $1a$;$1a$; SELECT a$b$; SELECT 1$$;$$; SELECT $é$;$é$;",
	"SELECT 1 -- ; \n ; -- only a comment;\n SELECT 2;",
	"SELECT 1 /* ; /* ; */ ; */ + 1; /* unclosed /* */ ; SELECT 3;",
	"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END; SELECT 2;",
	"CREATE OR REPLACE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (1); END; SELECT 2;",
	"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END; $f$; SELECT 2;",
	"DO $$ BEGIN PERFORM 1; EXCEPTION WHEN others THEN NULL; END $$; SELECT CASE WHEN 1=1 THEN 2 END; SELECT 3;",
	"CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); INSERT INTO u VALUES (2)); SELECT 2;",
	"SELECT (1; SELECT 2); SELECT 3; SELECT ); SELECT (4;",
	"BEGIN; SELECT 1; COMMIT; ;; ; SELECT 2;",
	"SELECT 'unclosed; SELECT 2;",
	"SELECT 1 AS \"a\"\";\"; SELECT 2;",
	"CREATE TABLE begin_end (\"begin\" int); CREATE INDEX CONCURRENTLY i ON begin_end (\"begin\"); SELECT 2;",
	"SELECT 1\r-- c\r;SELECT 2\r\n;",
	"SELECT 'a'\n  ';b'; SELECT E'a'\n'\\';c'; SELECT 2;",
	"SELECT 1e;SELECT 1.e'\\';';SELECT 0xe'\\';';",
	"COPY t TO STDOUT; SELECT 2;",
}

func TestSplitsAsPsqlDoes(t *testing.T) {
	for _, script := range tricky {
		t.Run("", func(t *testing.T) { compareWithPsql(t, script) })
	}
}

// FuzzSplitsAsPsqlDoes puts scripts together from what matters to a lexer, one fragment for each byte.
func FuzzSplitsAsPsqlDoes(f *testing.F) {
	fragments := []string{"'", "''", "E'", "\\'", "\"", "$$", "$a$", "$1", "--", "\n", "/*", "*/", ";", "(", ")", " ", "BEGIN", " ATOMIC ", "CASE", "END", "CREATE ",
		"OR REPLACE ", "FUNCTION ", "PROCEDURE ", "a", "1", "é", "U&'", "x$", "$", "-", "*", "/", "\r", "e", ".", "TRIGGER ", "SELECT "}
	f.Add([]byte{37, 25, 12})
	f.Add([]byte{20, 22, 24, 16, 17, 37, 25, 12, 19, 12})
	f.Add([]byte{6, 5, 12, 6, 12, 2, 3, 0, 12})
	f.Fuzz(func(t *testing.T, data []byte) {
		var script strings.Builder
		for _, b := range data[:min(len(data), 60)] {
			script.WriteString(fragments[int(b)%len(fragments)])
		}
		compareWithPsql(t, script.String())
	})
}
