// Package storagetest is the conformance suite for everything that grants uploads. [TestGranter] performs the real
// requests, right and wrong, as an uploader would, and looks at the bucket afterwards:
//
//   - a right upload arrives whole, with its type, and once;
//   - what [storage.Grant.Enforced] lists is refused, and leaves nothing in the bucket;
//   - what it does not list goes through: a store that enforces more than it says is reported too;
//   - of many uploads to one key exactly one wins;
//   - what no store could honour is refused before it is signed;
//   - a grant that is printed or logged shows no secret.
//
// It uploads to awkward keys, too: one that the store refuses as [storage.ErrInvalidKey] is skipped.
package storagetest
