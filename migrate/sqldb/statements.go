package sqldb

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/cruddur/avatarkit/internal/sqlsplit"
	"github.com/cruddur/avatarkit/migrate"
)

// block are the words of what stands from a BEGIN to its COMMIT. It is one statement: it only makes sense on one connection, together.
const block = "BEGIN … COMMIT"

// statements splits a part. Lines are those of the file.
func (t *Target) statements(p *migrate.Part) []sqlsplit.Statement {
	var all []sqlsplit.Statement
	for _, s := range sqlsplit.Split(p.SQL, t.dialect == SQLite) {
		s.Line += p.Line - 1
		last := len(all) - 1
		if last < 0 || !begins(all[last]) || all[last].Words == block {
			all = append(all, s)
			continue
		}
		all[last].Text += ";\n" + s.Text
		if ends(s) {
			all[last].Words = block
		}
	}
	return all
}

func begins(s sqlsplit.Statement) bool { return s.Is("BEGIN", "START TRANSACTION") }

func ends(s sqlsplit.Statement) bool {
	return s.Is("COMMIT", "END", "ABORT", "PREPARE TRANSACTION") || s.Is("ROLLBACK") && !strings.Contains(s.Words+" ", " TO ") // a savepoint
}

// sumOf is the checksum of statements that are done.
func sumOf(statements []sqlsplit.Statement) string {
	h := sha256.New()
	for i, s := range statements {
		if i > 0 {
			h.Write([]byte(";"))
		}
		h.Write([]byte(s.Text))
	}
	return hex.EncodeToString(h.Sum(nil))
}
