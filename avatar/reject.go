package avatar

import "fmt"

// Reason says in one stable word why an upload was refused. Clients may switch on it and translate it.
type Reason string

// The reasons, stable across releases.
const (
	ReasonEmpty             Reason = "empty"              // no bytes at all
	ReasonTooManyBytes      Reason = "too_many_bytes"     // more bytes than Config.MaxBytes
	ReasonTooManyPixels     Reason = "too_many_pixels"    // more pixels than Config.MaxPixels, or than fit into Config.MaxMemory
	ReasonUnsupportedFormat Reason = "unsupported_format" // recognised or not, a format that is not decoded
	ReasonCorrupt           Reason = "corrupt"            // the right format, but it cannot be decoded
	ReasonDimensions        Reason = "dimensions"         // a side of zero pixels or over the format's limit
	ReasonTimeout           Reason = "timeout"            // took longer than Config.MaxDuration
	ReasonModerated         Reason = "moderated"          // refused by the moderation hook
	ReasonInvalidKey        Reason = "invalid_key"        // the object's key is not one that this service issued
	ReasonTypeMismatch      Reason = "type_mismatch"      // the bytes are not of the type that the key promised
)

// RejectError is the typed error for an input that will never become a picture; retrying it is useless.
// Everything that does not match it with errors.As is transient.
type RejectError struct {
	Reason Reason
	// Format is the format that the bytes were recognised as, such as "svg" or "heic"; empty when unknown.
	Format string
	// Limit and Got are set for the reasons that compare with a limit, in its unit (bytes or pixels).
	Limit, Got int64
	// Hint tells the person what to do; it is plain English and safe to show.
	Hint string
	// Err is the cause, if there is one. It is for logs and never shown to the person.
	Err error
}

// Error returns the reason with its figures.
func (e *RejectError) Error() string {
	s := "avatar: rejected: " + string(e.Reason)
	if e.Format != "" {
		s += " (" + e.Format + ")"
	}
	if e.Limit > 0 {
		s += fmt.Sprintf(" (%d, limit %d)", e.Got, e.Limit)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *RejectError) Unwrap() error { return e.Err }
