package jpeg

import "fmt"

// FormatError says what makes the input no valid JPEG.
type FormatError string

// Error returns the message.
func (e FormatError) Error() string { return "jpeg: " + string(e) }

// UnsupportedError names a part of the standard that this package does not decode.
type UnsupportedError string

// Error returns the message.
func (e UnsupportedError) Error() string { return "jpeg: unsupported: " + string(e) }

// DamageError says that the picture's data is cut short or broken inside, though all rows were delivered: what is missing is grey,
// or coarser when the file is progressive.
type DamageError struct {
	// Good is how many of the Blocks that were read held data.
	Good, Blocks int
	// Truncated says that the file ends early; otherwise something within it is broken.
	Truncated bool
}

// Error returns the message.
func (e *DamageError) Error() string {
	what := "damaged"
	if e.Truncated {
		what = "cut short"
	}
	return fmt.Sprintf("jpeg: the data is %s: %d of %d blocks are whole", what, e.Good, e.Blocks)
}
