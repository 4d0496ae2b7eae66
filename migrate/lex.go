package migrate

import "strings"

// statement is one statement of a file, with the line on which it begins.
type statement struct {
	text string
	line int
	word string // the first keyword, in upper case
}

// lexer cuts SQL into statements as psql does, plus SQLite's triggers, brackets and backticks.
type lexer struct {
	src     string
	dialect Dialect
	pos     int
}

// split returns the statements of src without their semicolons. It drops what holds only comments. Statements between a BEGIN and
// its COMMIT are one statement, since they only make sense on one connection, together.
func split(src string, dialect Dialect, line int) []statement {
	l := &lexer{src: src, dialect: dialect}
	var all []statement
	for l.pos < len(src) {
		begin := l.pos
		first, words := l.next()
		if first < 0 {
			break
		}
		end := min(l.pos, len(src))
		text := strings.TrimSpace(strings.TrimSuffix(src[first:end], ";"))
		line += strings.Count(src[begin:first], "\n")
		s := statement{text: text, line: line, word: strings.Join(words, " ")}
		line += strings.Count(src[first:end], "\n")
		if n := len(all); n > 0 && opensBlock(all[n-1]) {
			all[n-1].text += ";\n" + strings.Repeat("\n", max(0, s.line-all[n-1].line-strings.Count(all[n-1].text, "\n")-1)) + text
			if closesBlock(s.word) {
				all[n-1].word = "BLOCK"
			}
			continue
		}
		all = append(all, s)
	}
	return all
}

func opensBlock(s statement) bool {
	return s.word == "BEGIN" || strings.HasPrefix(s.word, "BEGIN ") || strings.HasPrefix(s.word, "START TRANSACTION")
}

func closesBlock(words string) bool {
	first, rest, _ := strings.Cut(words, " ")
	switch first {
	case "COMMIT", "END", "ABORT":
		return true
	case "ROLLBACK": // but not ROLLBACK TO a savepoint
		return !strings.Contains(" "+rest+" ", " TO ")
	}
	return false
}

// endsTransaction says whether a statement begins or ends a transaction, which no transactional file may.
func endsTransaction(s statement) bool {
	return opensBlock(s) || s.word == "BLOCK" || closesBlock(s.word) || strings.HasPrefix(s.word, "PREPARE TRANSACTION")
}

// next moves behind the next statement and returns where its first token begins, or -1, and its first words.
func (l *lexer) next() (first int, words []string) {
	first = -1
	parens, begins := 0, 0 // open parentheses; open BEGIN … END of a body
	var body, all bool     // within CREATE … FUNCTION, PROCEDURE or TRIGGER; the first words are complete
	last := ""
	for l.pos < len(l.src) {
		at, c := l.pos, l.src[l.pos]
		if l.blank() {
			continue
		}
		if first < 0 && c != ';' {
			first = at
		}
		switch {
		case c == ';':
			l.pos++
			if first >= 0 && parens <= 0 && begins == 0 {
				return first, words
			}
			last = ""
		case c == '(':
			parens, all = parens+1, true
			l.pos++
		case c == ')':
			parens--
			l.pos++
		case l.quoted(), l.dollar():
			all, last = true, "'"
		case isWord(c):
			w := strings.ToUpper(l.word())
			if len(words) < 6 && !all {
				words = append(words, w)
				body = body || words[0] == "CREATE" && (w == "FUNCTION" || w == "PROCEDURE" || w == "TRIGGER")
			}
			if body && parens == 0 {
				begins += nesting(w, last, begins, l.dialect, words)
			}
			last = w
		default:
			all = true
			last = string(c)
			l.pos++
		}
	}
	return first, words
}

// nesting returns how a word within a routine's or trigger's body changes the depth of BEGIN … END. PostgreSQL has BEGIN ATOMIC,
// SQLite's triggers BEGIN; CASE … END is counted only inside a body.
func nesting(w, last string, depth int, d Dialect, words []string) int {
	switch {
	case w == "ATOMIC" && last == "BEGIN" && d == Postgres:
		return 1
	case w == "BEGIN" && d == SQLite && depth == 0:
		return 1
	case w == "CASE" && depth > 0:
		return 1
	case w == "END" && depth > 0:
		return -1
	}
	return 0
}

// blank skips white space and comments. PostgreSQL's block comments nest, SQLite's do not.
func (l *lexer) blank() bool {
	rest := l.src[l.pos:]
	switch {
	case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
		l.pos++
	case strings.HasPrefix(rest, "--"):
		l.pos += lineEnd(rest, l.dialect)
	case strings.HasPrefix(rest, "/*"):
		depth := 1
		for l.pos += 2; l.pos < len(l.src) && depth > 0; {
			switch {
			case strings.HasPrefix(l.src[l.pos:], "*/"):
				depth--
				l.pos += 2
			case l.dialect == Postgres && strings.HasPrefix(l.src[l.pos:], "/*"):
				depth++
				l.pos += 2
			default:
				l.pos++
			}
		}
	default:
		return false
	}
	return true
}

// lineEnd returns where a line comment ends. A carriage return ends it for PostgreSQL only.
func lineEnd(s string, d Dialect) int {
	set := "\n"
	if d == Postgres {
		set = "\r\n"
	}
	if i := strings.IndexAny(s, set); i >= 0 {
		return i
	}
	return len(s)
}

// quoted skips a string or a quoted name. A backslash escapes only in E” strings.
func (l *lexer) quoted() bool {
	c := l.src[l.pos]
	end, escapes := c, false
	switch {
	case c == '\'' || c == '"':
	case l.dialect == SQLite && c == '`':
	case l.dialect == SQLite && c == '[':
		end = ']'
	case l.dialect == Postgres && (c == 'e' || c == 'E') && strings.HasPrefix(l.src[l.pos+1:], "'"):
		l.pos++
		end, escapes = '\'', true
	default:
		return false
	}
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch {
		case escapes && l.src[l.pos] == '\\':
			l.pos++
		case l.src[l.pos] == end:
			if l.pos+1 < len(l.src) && l.src[l.pos+1] == end && end != ']' {
				l.pos++ // doubled
				continue
			}
			l.pos++
			return true
		}
	}
	l.pos = len(l.src)
	return true
}

// dollar skips $tag$ … $tag$.
func (l *lexer) dollar() bool {
	rest := l.src[l.pos:]
	if l.dialect != Postgres || rest[0] != '$' {
		return false
	}
	n := strings.IndexByte(rest[1:], '$') + 1
	if n == 0 {
		return false
	}
	for i, c := range []byte(rest[1:n]) {
		if !isWord(c) || c == '$' || i == 0 && c >= '0' && c <= '9' {
			return false
		}
	}
	tag := rest[:n+1]
	close := strings.Index(rest[len(tag):], tag)
	if close < 0 {
		l.pos = len(l.src)
	} else {
		l.pos += close + 2*len(tag)
	}
	return true
}

// word reads a name, keyword or number; a dollar sign inside it does not begin a dollar quote.
func (l *lexer) word() string {
	begin := l.pos
	for l.pos < len(l.src) && (isWord(l.src[l.pos]) || l.src[l.pos] == '$') {
		l.pos++
	}
	return l.src[begin:l.pos]
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}
