package storage

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxKeyBytes is the longest key in bytes: what S3, GCS and Azure all take.
const MaxKeyBytes = 1024

// ValidateKey refuses every object key that some store, proxy, browser or file system reads in two ways. A key is valid
// UTF-8 of 1 to [MaxKeyBytes] bytes, made of non-empty segments separated by "/". It has no "..", no segment ".", none of
// % \ ? # ", no "__0x" (gocloud's drivers escape with it), and no control or invisible formatting characters. The error
// wraps [ErrInvalidKey]; it does not repeat the key.
//
// It knows nothing of who owns a key: that rule belongs to whoever makes keys.
func ValidateKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	case len(key) > MaxKeyBytes:
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrInvalidKey, len(key), MaxKeyBytes)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: it is not UTF-8", ErrInvalidKey)
	case strings.Contains(key, ".."):
		return fmt.Errorf("%w: it contains \"..\"", ErrInvalidKey)
	case strings.ContainsAny(key, `%\?#"`):
		return fmt.Errorf("%w: it contains one of %%, \\, ?, # and \"", ErrInvalidKey)
	case strings.Contains(key, "__0x"):
		return fmt.Errorf("%w: it contains \"__0x\", which gocloud's drivers read as an escape", ErrInvalidKey)
	case strings.ContainsFunc(key, invisible):
		return fmt.Errorf("%w: it contains a control or formatting character", ErrInvalidKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." {
			return fmt.Errorf("%w: it has an empty or \".\" segment", ErrInvalidKey)
		}
	}
	return nil
}

func invisible(r rune) bool {
	if r < 0x80 {
		return r < ' ' || r == 0x7f // the tables would say the same, slowly
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
