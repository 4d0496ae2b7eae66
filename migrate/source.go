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
			return nil, fmt.Errorf("migrate: list the folder %q: %w", m.opts.Dir, err)
		}
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
	info, err := e.Info()
	if err != nil {
		return nil, fileError(e.Name(), 0, "%w", err)
	}
	return &Migration{Version: version, Name: name, File: path.Join(m.opts.Dir, e.Name()), Size: info.Size()}, nil
}

// fetch reads the file of mig unless that was done.
func (m *Migrator) fetch(mig *Migration) error {
	if mig.read {
		return nil
	}
	text, err := fs.ReadFile(m.fsys, mig.File)
	if err != nil {
		return fileError(mig.File, 0, "%w", err)
	}
	mig.Size = int64(len(text))
	text = bytes.ReplaceAll(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	mig.Checksum = checksum(text)
	if err := parse(mig, string(text)); err != nil {
		return err
	}
	mig.read = true
	return nil
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

const marker = "-- migrate:"

// parse divides the file by its markers.
func parse(m *Migration, text string) error {
	m.Up, m.Down = Part{}, Part{Irreversible: true}
	var both []string // directives before the first part
	var part *Part
	begin, seenUp, seenDown, declared := 0, false, false, false
	finish := func(end int) {
		if part != nil {
			part.SQL = text[begin:end]
		}
	}
	line := 0
	for at := 0; at < len(text); {
		line++
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		raw := strings.TrimSpace(text[at:end])
		words, isMarker := strings.CutPrefix(raw, marker)
		fields := strings.Fields(words)
		switch {
		case !isMarker:
			if part == nil && raw != "" && !strings.HasPrefix(raw, "--") {
				return fileError(m.File, line, "SQL before the first %q line", marker+"up")
			}
		case len(fields) == 0:
			return fileError(m.File, line, "%q says nothing", marker)
		case fields[0] == "up" || fields[0] == "down":
			finish(at)
			seen := &seenUp
			part = &m.Up
			if fields[0] == "down" {
				seen, part = &seenDown, &m.Down
				part.Irreversible = false
			}
			if *seen {
				return fileError(m.File, line, "a second %q", marker+fields[0])
			}
			*seen, begin, part.Line = true, end, line+1
			for _, d := range append(both, fields[1:]...) {
				if err := part.direct(d); err != nil {
					return fileError(m.File, line, "%w", err)
				}
			}
		default:
			for _, d := range fields {
				declared = declared || d == "irreversible"
				if err := new(Part).direct(d); err != nil {
					return fileError(m.File, line, "%w", err)
				}
				if part == nil {
					both = append(both, d)
				} else {
					_ = part.direct(d)
				}
			}
		}
		at = end
	}
	finish(len(text))
	m.Up.Irreversible = false
	switch {
	case !seenUp:
		return fileError(m.File, 0, "no line %q", marker+"up")
	case declared && seenDown && strings.TrimSpace(m.Down.SQL) != "":
		return fileError(m.File, m.Down.Line, "a down part and irreversible")
	}
	m.Down.Irreversible = m.Down.Irreversible || declared
	return nil
}

func (p *Part) direct(directive string) error {
	name, value, _ := strings.Cut(directive, "=")
	switch {
	case directive == "no-transaction":
		p.NoTransaction = true
	case directive == "irreversible":
		p.Irreversible = true
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
