package sqldb

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cruddur/avatarkit/migrate"
)

// locate finds the statement of a failed file. Where the server gave no position the statements of a quick file are run again one by one, in a
// transaction that is always rolled back.
func (s *session) locate(ctx context.Context, j migrate.Job, failed error, took time.Duration) error {
	part := j.Part()
	statements := s.statements(part)
	e := &migrate.Error{Err: failed}
	at := position(failed)
	if s.whole(j) {
		at -= utf8.RuneCountInString(s.begin + s.row(j))
	}
	switch {
	case at > 0:
		e.Line, e.Column = lineColumn(part, at)
		for i, st := range statements {
			if st.Line <= e.Line {
				e.Statement = i + 1
			}
		}
	case ctx.Err() == nil && took < 2*time.Second && (s.dialect == SQLite || refused(failed)) && !errors.Is(failed, migrate.ErrCommitted):
		_ = s.claim(ctx, j, func() (err error) {
			for i := 0; i < len(statements) && err == nil; i++ {
				if err = s.exec(ctx, statements[i].Text); err != nil && err.Error() == failed.Error() {
					e.Statement, e.Line = i+1, statements[i].Line
				}
			}
			return failed // in any case: nothing may stay
		})
	}
	return e
}

// position returns the place of a server's error in the query, in characters from 1, or zero. It is a field, not a method, of the errors of pgx and lib/pq.
func position(err error) int {
	var e interface{ SQLState() string }
	if !errors.As(err, &e) {
		return 0
	}
	v := reflect.Indirect(reflect.ValueOf(e))
	if v.Kind() != reflect.Struct || !v.FieldByName("Position").IsValid() {
		return 0
	}
	n, _ := strconv.Atoi(fmt.Sprint(v.FieldByName("Position"))) // a number, or its text
	return n
}

// lineColumn turns a position in characters into a line of the file and a column.
func lineColumn(part *migrate.Part, at int) (line, column int) {
	text := part.SQL
	for i := 1; i < at && text != ""; i++ {
		_, n := utf8.DecodeRuneInString(text)
		text = text[n:]
	}
	before := part.SQL[:len(part.SQL)-len(text)]
	return part.Line + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}
