package storage

import "time"

// ObjectCreated says that an object was written. It is the same from every store and every way that the news came.
type ObjectCreated struct {
	// Bucket is the bucket's or container's name; empty from a store that has none.
	Bucket string
	// Key is the object's key, decoded.
	Key string
	// Size is the length in bytes; 0 when the sender does not say.
	Size int64
	// ETag is without quotes.
	ETag string
	// Sequencer orders events of one key where the store gives one. Do not rely on it: see the package documentation.
	Sequencer string
	// Time is when the object was written, in UTC; zero when the sender does not say.
	Time time.Time
}
