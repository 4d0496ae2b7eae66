// Package avatartest proves the publishing protocol of the package avatar over any pair of buckets.
//
//	func TestMyStore(t *testing.T) {
//		avatartest.TestBuckets(t, uploads, assets, nil)
//	}
//
// It runs real processors against the buckets, through a layer that sees every single operation and can refuse it, cut it in the middle, lose
// its answer, or end the process that made it.
//
// One part ends the process at each operation in turn, before it has an effect, after it, and half way through a write or a read, in each of
// the things that a processor does: publish, refuse, crop again, fill in, take in, erase, sweep.
//
// A second part lets the store fail at each operation while the process lives on, and again at its next tries: by a conflict of writes, a request to slow
// down, a lost connection or a time-out, without an effect or after it, half way, or so that the store's own client makes the request a second time;
// or the caller's context ends.
//
// A third part lets another process come in between any two operations of these, and erase, sweep, recover, crop again, or handle every event again.
//
// The fourth part lets several processes work at once on the uploads of a few people, with events that come twice, late, early, in the wrong order or
// not at all, while somebody sweeps, crops again, fills in or erases. Only one operation happens at a time, and which one is drawn from
// a seed, so that what fails once fails again.
//
// After every operation it checks that what is current is whole and not older than the newest upload that was acknowledged. When all is over,
// one Recover and one Sweep later, it checks that every acknowledged upload has its picture or its reason, that the stable name agrees, that the
// current picture was told of, and that not one object is left that nobody needs.
package avatartest
