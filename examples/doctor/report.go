package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// finding is one thing that is wrong, or that could not be checked.
type finding struct {
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Fix      string `json:"fix"`
	Document string `json:"document,omitempty"` // to apply, as the fix says
}

// report is what the examination found.
type report struct {
	Problems []finding `json:"problems"`
	Notes    []finding `json:"notes"`
	Passed   []string  `json:"passed"`
}

func (r *report) problem(f finding) { r.Problems = append(r.Problems, f) }
func (r *report) note(f finding)    { r.Notes = append(r.Notes, f) }

func (r *report) write(w io.Writer, cfg config) error {
	if cfg.json {
		body, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", body)
		return err
	}
	var text strings.Builder
	for _, name := range r.Passed {
		fmt.Fprintf(&text, "ok       %s\n", name)
	}
	for _, f := range r.Notes {
		f.write(&text, "note")
	}
	for _, f := range r.Problems {
		f.write(&text, "PROBLEM")
	}
	fmt.Fprintf(&text, "\n%d problems, %d notes\n", len(r.Problems), len(r.Notes))
	_, err := io.WriteString(w, text.String())
	return err
}

func (f finding) write(text *strings.Builder, level string) {
	fmt.Fprintf(text, "%-8s %s: %s\n", level, f.Code, f.Detail)
	if f.Fix != "" {
		fmt.Fprintf(text, "         fix: %s\n", f.Fix)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(f.Document), "\n") {
		if line != "" {
			fmt.Fprintf(text, "           %s\n", line)
		}
	}
}
