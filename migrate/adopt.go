package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Adopt turns the original tool's table, one row with the text last_successful_run, into a history: migrations up to that instant are
// recorded as applied, without running them, and the old table is kept as schema_information_original. Look at m.Plan().Adopt first.
// A value "0" means that nothing was applied. A table without a row says nothing: drop it and use [Migrator.Baseline].
func (m *Migrator) Adopt(ctx context.Context) ([]Step, error) {
	target, ok := m.target.(SQLTarget)
	if !ok {
		return nil, fmt.Errorf("migrate: adopt: %w for this target", errors.ErrUnsupported)
	}
	all, err := m.list(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	var records []Record
	plan := func(ctx context.Context, q querier) error {
		last, err := target.lastRun(ctx, q)
		records = nil
		for _, mig := range all {
			if err == nil && mig.Version <= last {
				err = m.fetch(mig)
				records = append(records, m.record(mig))
			}
		}
		return err
	}
	if m.dry {
		err = plan(ctx, target.DB)
		return stepsOf(records), wrap(err)
	}
	err = target.Locked(ctx, m.opts.LockTimeout, m.opts.Logger, func(ctx context.Context, locked Session) error {
		s := locked.(*session)
		return s.transact(ctx, "", func() error {
			if err := plan(ctx, s.conn); err != nil {
				return err
			}
			return s.replace(ctx, records)
		})
	})
	return stepsOf(records), wrap(err)
}

// lastRun returns the greatest last_successful_run as a version, zero for "0".
func (t SQLTarget) lastRun(ctx context.Context, q querier) (version int64, err error) {
	found, err := t.find(ctx, q)
	if err == nil && !found.legacy {
		err = fmt.Errorf("table %s is not the original tool's", found.name)
	}
	if err != nil {
		return 0, err
	}
	rows, err := q.QueryContext(ctx, "SELECT CAST(last_successful_run AS TEXT) FROM "+found.name)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var value *string
		if err := rows.Scan(&value); err != nil {
			return 0, err
		}
		if value == nil || *value == "0" || *value == "" {
			continue
		}
		at, ok := legacyTime(*value)
		if !ok {
			return 0, fmt.Errorf("last_successful_run %q is not 15 to 17 digits", *value)
		}
		version = max(version, versionAt(at))
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, fmt.Errorf("table %s has no row, so it does not say what was applied: drop it and use baseline", found.name)
	}
	return version, nil
}

func versionAt(t time.Time) (v int64) {
	_, _ = fmt.Sscan(t.UTC().Format(versionForm), &v)
	return v
}

// replace puts the history in the place of the original's table.
func (s *session) replace(ctx context.Context, records []Record) error {
	found, err := s.find(ctx, s.conn)
	queries := []string{"ALTER TABLE " + found.name + ` RENAME TO "` + s.table() + `_original"`, "CREATE TABLE " + found.name + historyColumns}
	for _, r := range records {
		queries = append(queries, found.insert(r))
	}
	for i := 0; i < len(queries) && err == nil; i++ {
		err = s.exec(ctx, queries[i])
	}
	return err
}
