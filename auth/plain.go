package auth

import (
	"slices"
	"strings"
	"time"
)

// maxPlainMembers is how many members readPlain remembers the names of. Cognito's tokens have about 15.
const maxPlainMembers = 40

// readPlain reads a payload in the form in which Cognito writes it: one object whose members are texts of ASCII without escapes,
// whole numbers, true, false or lists of such texts, no name twice. All that it accepts, readStrict accepts with the same
// result; what it does not, readStrict judges. It takes less than half of the time, which counts beside a signature.
func readPlain(text []byte) (p payload, ok bool) {
	s := plain{text: string(text)} // one copy, of which all the claims are parts
	var names [maxPlainMembers]string
	if !s.skip('{') {
		return p, false
	}
	for n := range names {
		name, ok := s.str()
		if !ok || slices.Contains(names[:n], name) || !s.skip(':') || !s.value(&p, name) {
			return payload{}, false
		}
		names[n] = name
		if s.skip('}') {
			s.space()
			return p, s.at == len(text)
		}
		if !s.skip(',') {
			return payload{}, false
		}
	}
	return payload{}, false
}

// field returns where the claim of that name goes; all nil when this package does not read it.
func (p *payload) field(name string) (text *string, date *numericDate, list *[]string) {
	switch name {
	case "iss":
		return &p.Issuer, nil, nil
	case "sub":
		return &p.Subject, nil, nil
	case "token_use":
		return (*string)(&p.Use), nil, nil
	case "client_id":
		return &p.ClientID, nil, nil
	case "aud":
		return (*string)(&p.Audience), nil, nil
	case "username":
		return &p.Username, nil, nil
	case "cognito:username":
		return &p.UsernameI, nil, nil
	case "scope":
		return &p.Scope, nil, nil
	case "jti":
		return &p.ID, nil, nil
	case "exp":
		return nil, &p.Expires, nil
	case "iat":
		return nil, &p.Issued, nil
	case "nbf":
		return nil, &p.NotBefore, nil
	case "auth_time":
		return nil, &p.AuthTime, nil
	case "cognito:groups":
		return nil, nil, &p.Groups
	}
	return nil, nil, nil
}

// plain is a reader of such a payload. Its methods report false for all that they do not know; where the reader then stands
// does not matter.
type plain struct {
	text string
	at   int
}

// value reads a member's value, which must be of the type that its name asks for.
func (s *plain) value(p *payload, name string) bool {
	text, date, list := p.field(name)
	s.space()
	switch c := s.peek(); {
	case c == '"':
		v, ok := s.str()
		if text != nil {
			*text = v
		}
		return ok && date == nil && list == nil
	case '0' <= c && c <= '9':
		n, ok := s.number()
		if date != nil {
			date.Time = time.Unix(n, 0)
		}
		return ok && text == nil && list == nil
	case c == '[':
		return text == nil && date == nil && s.list(list)
	default:
		return text == nil && date == nil && list == nil && (s.word("true") || s.word("false"))
	}
}

// list reads a list of texts into to, unless that is nil.
func (s *plain) list(to *[]string) bool {
	if !s.skip('[') {
		return false
	}
	if s.skip(']') {
		return true
	}
	for {
		v, ok := s.str()
		if !ok {
			return false
		}
		if to != nil {
			*to = append(*to, v)
		}
		if s.skip(']') {
			return true
		}
		if !s.skip(',') {
			return false
		}
	}
}

// str reads a text and returns what is between its quotes.
func (s *plain) str() (string, bool) {
	if !s.skip('"') {
		return "", false
	}
	rest := s.text[s.at:]
	for n := 0; n < len(rest); n++ {
		c := rest[n]
		if c == '"' {
			s.at += n + 1
			return rest[:n], true
		}
		if c < ' ' || c >= 0x80 || c == '\\' {
			return "", false
		}
	}
	return "", false
}

// number reads a whole number up to lastSecond.
func (s *plain) number() (n int64, ok bool) {
	from := s.at
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' && n <= lastSecond {
		n = n*10 + int64(s.text[s.at]-'0')
		s.at++
	}
	leadingZero := s.text[from] == '0' && s.at-from > 1
	return n, !leadingZero && n <= lastSecond
}

func (s *plain) word(w string) bool {
	if !strings.HasPrefix(s.text[s.at:], w) {
		return false
	}
	s.at += len(w)
	return true
}

// skip skips white space and then c, and reports whether that was there.
func (s *plain) skip(c byte) bool {
	s.space()
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *plain) space() {
	for c := s.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = s.peek() {
		s.at++
	}
}

// peek returns the next byte, and 0, which is no part of a payload, behind the end.
func (s *plain) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}
