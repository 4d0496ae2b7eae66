package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/avatar"
)

const (
	barWidth     = 30
	betweenBars  = 100 * time.Millisecond // as often as an eye needs
	betweenLines = 15 * time.Second       // as often as a log needs
)

// bar shows how far a backfill is: one line that changes in a terminal, a line now and then elsewhere. Its calls must not overlap.
type bar struct {
	out      io.Writer
	terminal bool
	total    int // the number of subjects when it was planned; 0 when unknown
	begin    time.Time

	last  time.Time
	dirty bool // the terminal's line is not ended
	text  string
}

func (b *bar) show(p avatar.BackfillProgress, now time.Time) {
	b.text = b.line(p.Report, now)
	between := betweenLines
	if b.terminal {
		between = betweenBars
	}
	if now.Sub(b.last) < between {
		return
	}
	b.last = now
	b.print()
}

func (b *bar) print() {
	if b.text == "" {
		return
	}
	if b.terminal {
		fmt.Fprintf(b.out, "\r\x1b[K%s", b.text)
		b.dirty = true
	} else {
		fmt.Fprintln(b.out, b.text)
	}
	b.text = ""
}

// end shows the last state.
func (b *bar) end() {
	b.print()
	if b.dirty {
		fmt.Fprintln(b.out)
	}
}

func (b *bar) line(r avatar.BackfillReport, now time.Time) string {
	handled := r.Resumed + r.Subjects
	counts := fmt.Sprintf("%d/%d, %d failed", handled, max(b.total, handled), r.Failed)
	elapsed := now.Sub(b.begin)
	left := ""
	if b.total > handled && r.Subjects > 0 {
		left = fmt.Sprintf(", %v left", (elapsed / time.Duration(r.Subjects) * time.Duration(b.total-handled)).Round(time.Second))
	}
	if !b.terminal {
		return fmt.Sprintf("backfill: %s, %s read, %v%s", counts, bytesOf(r.Bytes), elapsed.Round(time.Second), left)
	}
	full := barWidth
	if b.total > 0 {
		full = min(barWidth, barWidth*handled/b.total)
	}
	return fmt.Sprintf("[%s%s] %s%s", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), counts, left)
}

func bytesOf(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}
