package profile

import "strings"

// Limits of a handle, in characters, which are ASCII letters, digits and underscores.
const (
	MinHandle = 3
	MaxHandle = 30
)

// handleKey folds a handle to the form that is unique. Folding happens here and not in SQL, since lower() differs between databases.
func handleKey(handle string) string { return strings.ToLower(handle) }

// checkHandle returns the fault of a handle, or nil.
func checkHandle(handle string) *FieldError {
	switch n := len(handle); {
	case n == 0:
		return &FieldError{Field: "handle", Code: CodeRequired}
	case n > MaxHandle:
		return &FieldError{Field: "handle", Code: CodeTooLong, Limit: MaxHandle, Got: n}
	}
	for _, c := range []byte(handle) {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return &FieldError{Field: "handle", Code: CodeInvalidChars}
		}
	}
	if len(handle) < MinHandle {
		return &FieldError{Field: "handle", Code: CodeTooShort, Limit: MinHandle, Got: len(handle)}
	}
	return nil
}
