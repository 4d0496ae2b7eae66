//go:build unix

// Package ratiotest compares two functions on a machine that others use, too.
package ratiotest

import (
	"syscall"
	"testing"
	"time"
)

// Compare runs both functions in turn and reports ours as multiples of theirs, by the process's CPU time and by the number of
// allocations.
func Compare(b *testing.B, ours, theirs func() error) {
	run := func(f func() error) {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	const batch = 20
	var spent [2]time.Duration
	for b.Loop() {
		for i, f := range []func() error{ours, theirs} {
			before := cpu(b)
			for range batch {
				run(f)
			}
			spent[i] += cpu(b) - before
		}
	}
	b.ReportMetric(0, "ns/op") // would count both
	b.ReportMetric(float64(spent[0])/float64(spent[1]), "cpu/sdk")
	mine, sdk := testing.AllocsPerRun(100, func() { run(ours) }), testing.AllocsPerRun(100, func() { run(theirs) })
	b.ReportMetric(mine, "allocs/grant")
	b.ReportMetric(mine/sdk, "allocs/sdk")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
