package migrate

import (
	"strings"

	"github.com/cruddur/avatarkit/internal/sqlsplit"
)

// statements splits a part. Lines are those of the file. What stands from a BEGIN to its COMMIT is one statement with the words
// "BEGIN … COMMIT": it only makes sense on one connection, together.
func (p *Part) statements(d Dialect) []sqlsplit.Statement {
	var all []sqlsplit.Statement
	for _, s := range sqlsplit.Split(p.SQL, d == SQLite) {
		s.Line += p.Line - 1
		last := len(all) - 1
		if last < 0 || !opens(all[last]) {
			all = append(all, s)
			continue
		}
		all[last].Text += ";\n" + s.Text
		if closes(s) {
			all[last].Words = "BEGIN … COMMIT"
		}
	}
	return all
}

func opens(s sqlsplit.Statement) bool {
	return s.Is("BEGIN", "START TRANSACTION") && s.Words != "BEGIN … COMMIT"
}

func closes(s sqlsplit.Statement) bool {
	return s.Is("COMMIT", "END", "ABORT", "PREPARE TRANSACTION") || s.Is("ROLLBACK") && !strings.Contains(s.Words+" ", " TO ") // a savepoint
}
