// Package sqlsplit cuts SQL scripts into statements, as psql does for PostgreSQL and sqlite3 for SQLite. It knows quotes, comments and
// the bodies of routines and triggers, and nothing else of the language: any input gives some answer.
package sqlsplit

import "strings"

// Statement is one statement of a script.
type Statement struct {
	Text  string // without the semicolon, and without comments before it
	Line  int    // on which it begins, from 1
	Words string // its first keywords, at most six, in upper case
}

// Is says whether the statement begins with these keywords.
func (s Statement) Is(words ...string) bool {
	for _, w := range words {
		if s.Words == w || strings.HasPrefix(s.Words, w+" ") {
			return true
		}
	}
	return false
}

// Split returns the statements of script. It drops what holds only comments.
func Split(script string, sqlite bool) []Statement {
	s := &scanner{src: script, sqlite: sqlite}
	var all []Statement
	line := 1
	for {
		begin := s.pos
		first, end, words := s.next()
		if first < 0 {
			return all
		}
		line += strings.Count(script[begin:first], "\n")
		all = append(all, Statement{Text: strings.TrimSpace(script[first:end]), Line: line, Words: strings.Join(words, " ")})
		line += strings.Count(script[first:end], "\n")
	}
}

type scanner struct {
	src    string
	sqlite bool
	pos    int
}

// next moves behind the next statement and returns where its first token begins, or -1, where its semicolon stands, and its first words.
func (s *scanner) next() (first, end int, words []string) {
	first = -1
	parens, begins := 0, 0 // open parentheses; open BEGIN … END of a body
	more := true           // the first words go on
	for s.pos < len(s.src) {
		if s.blank() {
			continue
		}
		at, c := s.pos, s.src[s.pos]
		if first < 0 && c != ';' {
			first = at
		}
		switch {
		case c == ';':
			s.pos++
			if first >= 0 && parens == 0 && begins == 0 {
				return first, s.pos - 1, words
			}
		case s.quoted() || s.dollar():
			more = false
		case isLetter(c):
			w := s.word()
			if more && len(words) < 6 {
				words = append(words, w)
			}
			if parens == 0 && s.hasBody(words) {
				begins += nesting(w, begins)
			}
		case c == '(':
			s.pos++
			parens, more = parens+1, false
		case c == ')':
			s.pos++
			parens = max(0, parens-1)
		default:
			s.pos++
			more = false
		}
	}
	return first, s.pos, words
}

// hasBody says whether the statement that begins with words can have a body with semicolons: PostgreSQL's routines (BEGIN ATOMIC)
// and SQLite's triggers.
func (s *scanner) hasBody(words []string) bool {
	if len(words) < 2 || words[0] != "CREATE" {
		return false
	}
	words = words[1:]
	if s.sqlite {
		return words[0] == "TRIGGER" || len(words) > 1 && words[1] == "TRIGGER" // TEMP TRIGGER
	}
	if len(words) > 2 && words[0] == "OR" && words[1] == "REPLACE" {
		words = words[2:]
	}
	return words[0] == "FUNCTION" || words[0] == "PROCEDURE"
}

// nesting returns how a word changes the depth of BEGIN … END in a body. CASE … END counts only inside.
func nesting(word string, depth int) int {
	switch {
	case word == "BEGIN", word == "CASE" && depth > 0:
		return 1
	case word == "END" && depth > 0:
		return -1
	}
	return 0
}

// blank skips white space and comments. PostgreSQL's block comments nest, SQLite's do not.
func (s *scanner) blank() bool {
	rest := s.src[s.pos:]
	switch {
	case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
		s.pos++
	case strings.HasPrefix(rest, "--"):
		s.skipTo(strings.IndexAny(rest, s.lineEnds()))
	case strings.HasPrefix(rest, "/*"):
		s.pos += 2
		for depth := 1; s.pos < len(s.src) && depth > 0; {
			switch {
			case strings.HasPrefix(s.src[s.pos:], "*/"):
				depth--
				s.pos += 2
			case !s.sqlite && strings.HasPrefix(s.src[s.pos:], "/*"):
				depth++
				s.pos += 2
			default:
				s.pos++
			}
		}
	default:
		return false
	}
	return true
}

// lineEnds are what ends a comment of one line: a carriage return does so for PostgreSQL only.
func (s *scanner) lineEnds() string {
	if s.sqlite {
		return "\n"
	}
	return "\r\n"
}

// skipTo moves by n bytes, or to the end of the script if n is negative.
func (s *scanner) skipTo(n int) {
	if n < 0 {
		n = len(s.src) - s.pos
	}
	s.pos += n
}

// quoted skips a string or a quoted name. A backslash escapes only in E'…' strings.
func (s *scanner) quoted() bool {
	end, begin, escapes := s.src[s.pos], s.pos+1, false
	switch {
	case end == '\'' || end == '"' || s.sqlite && end == '`':
	case s.sqlite && end == '[':
		end = ']'
	case !s.sqlite && (end == 'e' || end == 'E') && strings.HasPrefix(s.src[begin:], "'"):
		end, begin, escapes = '\'', begin+1, true
	default:
		return false
	}
	for s.pos = begin; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case escapes && c == '\\' && s.pos+1 < len(s.src):
			s.pos++
		case c == end && end != ']' && strings.HasPrefix(s.src[s.pos+1:], string(end)):
			s.pos++ // doubled
		case c == end:
			s.pos++
			return true
		}
	}
	return true
}

// dollar skips $tag$ … $tag$.
func (s *scanner) dollar() bool {
	rest := s.src[s.pos:]
	if s.sqlite || rest[0] != '$' {
		return false
	}
	n := 1
	for n < len(rest) && (isLetter(rest[n]) || n > 1 && isDigit(rest[n])) {
		n++
	}
	if n == len(rest) || rest[n] != '$' {
		return false
	}
	tag := rest[:n+1]
	s.pos += len(tag)
	if end := strings.Index(rest[len(tag):], tag); end >= 0 {
		s.skipTo(end + len(tag))
	} else {
		s.skipTo(-1)
	}
	return true
}

// word reads a name or keyword, in upper case. A dollar sign inside it does not begin a dollar quote.
func (s *scanner) word() string {
	begin := s.pos
	for s.pos < len(s.src) && (isLetter(s.src[s.pos]) || isDigit(s.src[s.pos]) || s.src[s.pos] == '$') {
		s.pos++
	}
	return strings.ToUpper(s.src[begin:s.pos])
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
