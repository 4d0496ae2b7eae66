package app

import (
	"sync"
	"time"
)

// rate bounds how many grants one subject gets in each minute. It counts in this process only; a service of many processes keeps
// such a count where they all see it.
type rate struct {
	max int
	now func() time.Time

	mu     sync.Mutex
	minute time.Time
	counts map[string]int // of the current minute
}

// take counts one more for the subject, or says how long to wait.
func (l *rate) take(subject string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if minute := now.Truncate(time.Minute); !minute.Equal(l.minute) {
		l.minute, l.counts = minute, map[string]int{}
	}
	if l.counts[subject] >= l.max {
		return l.minute.Add(time.Minute).Sub(now), false
	}
	l.counts[subject]++
	return 0, true
}
