package migrate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// list returns all migrations by version, without the contents of the files.
func (m *Migrator) list(ctx context.Context) ([]*Migration, error) {
	all := make([]*Migration, 0, len(m.opts.Go))
	for i := range m.opts.Go {
		fn := m.opts.Go[i]
		all = append(all, &fn)
	}
	var faults []error
	if m.fsys != nil {
		entries, err := fs.ReadDir(m.fsys, m.opts.Dir)
		if err != nil {
			return nil, fmt.Errorf("list the folder %q: %w", m.opts.Dir, err)
		}
		embedded := untimed(entries)
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			if path.Ext(e.Name()) != ".sql" {
				m.opts.Logger.InfoContext(ctx, "file is no migration, ignored", "file", e.Name())
				continue
			}
			mig, err := m.named(e)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			mig.embedded = embedded
			all = append(all, mig)
		}
	}
	slices.SortFunc(all, func(a, b *Migration) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Name, b.Name))
	})
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; a.Version == b.Version {
			faults = append(faults, fileError(b.File, 0, "version %d is taken by %q too; give one of them another time", b.Version, a.Name))
		}
	}
	return all, errors.Join(faults...)
}

func (m *Migrator) named(e fs.DirEntry) (*Migration, error) {
	id, name, ok := strings.Cut(strings.TrimSuffix(e.Name(), ".sql"), "_")
	if !ok {
		return nil, fileError(e.Name(), 0, "a migration is named YYYYMMDDHHMMSS_name.sql")
	}
	version, err := ParseVersion(id)
	if err == nil {
		err = CheckName(name)
	}
	if err != nil {
		return nil, fileError(e.Name(), 0, "%w", err)
	}
	return &Migration{Version: version, Name: name, File: path.Join(m.opts.Dir, e.Name())}, nil
}

// untimed says whether the files have no times, as those of an embed.FS.
func untimed(entries []fs.DirEntry) bool {
	if len(entries) == 0 {
		return false
	}
	info, err := entries[0].Info()
	return err == nil && info.ModTime().IsZero()
}

// load reads the file of mig, if it has one, unless that was done.
func (m *Migrator) load(mig *Migration) error {
	if mig.text != nil || mig.File == "" {
		return nil
	}
	text, err := fs.ReadFile(m.fsys, mig.File)
	if err != nil {
		return fileError(mig.File, 0, "%w", err)
	}
	mig.Size = int64(len(text))
	mig.text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if bytes.Contains(mig.text, []byte("\r\n")) {
		mig.text = bytes.ReplaceAll(mig.text, []byte("\r\n"), []byte("\n"))
	}
	sum := sha256.Sum256(mig.text)
	mig.Checksum = hex.EncodeToString(sum[:])
	return nil
}

// parse reads the parts of mig unless that was done.
func (m *Migrator) parse(mig *Migration) error {
	err := m.load(mig)
	if err == nil && !mig.parsed {
		err = parse(mig, string(mig.text))
		mig.parsed = err == nil
	}
	return err
}

const marker = "-- migrate:"

// nearly is what was probably meant to be a marker: as a mere comment it would put the down part into the up part.
var nearly = regexp.MustCompile(`(?i)^--\s*\+?\s*(migrate\s*:|(migrate|goose)\s+(up|down)\b)`)

// parse divides the file by its markers.
func parse(m *Migration, text string) error {
	up, down := Part{}, Part{Irreversible: true}
	part := &Part{}       // before the first marker
	var head []string     // directives there
	irreversible := false // was declared
	begin, end, number := 0, 0, 0
	for line := range strings.Lines(text) {
		number++
		end += len(line)
		trimmed := strings.TrimSpace(line)
		words, isMarker := strings.CutPrefix(trimmed, marker)
		directives := strings.Fields(words)
		switch {
		case !isMarker && strings.HasPrefix(trimmed, "--") && nearly.MatchString(trimmed):
			return fileError(m.File, number, "%q is not a marker; write it as %q", trimmed, marker+"up")
		case !isMarker && part.Line == 0 && trimmed != "" && !strings.HasPrefix(trimmed, "--"):
			return fileError(m.File, number, "SQL before the first %q line", marker+"up")
		case !isMarker:
		case len(directives) == 0:
			return fileError(m.File, number, "%q says nothing", marker)
		case directives[0] == "up" || directives[0] == "down":
			part = &up
			if directives[0] == "down" {
				part = &down
			}
			if part.Line > 0 {
				return fileError(m.File, number, "a second %q", marker+directives[0])
			}
			begin, part.Line = end, number+1
			directives = slices.Concat(head, directives[1:])
		case part.Line == 0:
			head = append(head, directives...)
		}
		if isMarker {
			for _, d := range directives {
				irreversible = irreversible || d == "irreversible"
				if err := part.direct(d); err != nil {
					return fileError(m.File, number, "%w", err)
				}
			}
		}
		part.SQL = text[begin:end]
	}
	switch {
	case up.Line == 0:
		return fileError(m.File, 0, "no line %q", marker+"up")
	case irreversible && strings.TrimSpace(down.SQL) != "":
		return fileError(m.File, down.Line, "a down part and irreversible")
	}
	down.Irreversible = irreversible || down.Line == 0
	m.Up, m.Down = up, down
	return nil
}

func (p *Part) direct(directive string) error {
	name, value, _ := strings.Cut(directive, "=")
	switch {
	case directive == "irreversible": // concerns the file
	case directive == "no-transaction":
		p.NoTransaction = true
	case directive == "foreign-keys=off":
		p.ForeignKeysOff = true
	case name == "timeout":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("timeout %q is not a positive duration such as 30s", value)
		}
		p.Timeout = d
	default:
		return fmt.Errorf("unknown directive %q (known: up, down, no-transaction, timeout=, irreversible, foreign-keys=off)", directive)
	}
	return nil
}
