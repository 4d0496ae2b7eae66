package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/cruddur/avatarkit/avatar"
)

// coldVariable makes this program render the file that it names, write the picture and end: a program as one would write it.
const coldVariable = "AVATARKIT_BENCH_COLD"

// renderFile is that program.
func renderFile(ctx context.Context, in, out string, stdout io.Writer) error {
	p, err := avatar.New(benchConfig(512))
	if err != nil {
		return err
	}
	f, err := os.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	set, err := p.Render(ctx, f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, set.Pictures[0].Data, 0o644); err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(usage{Peak: peakMemory()})
}

// cold measures whole processes from their start to the file, and their memory.
func (b *avatarBench) cold() error {
	const barWall, barMemory = 0.3, 24 << 20
	seen := map[string]bool{}
	for _, p := range b.photos {
		if seen[p.name] {
			continue
		}
		seen[p.name] = true
		m, err := compare(b.opts.rounds, b.coldRun(p, true), b.coldRun(p, false))
		if err != nil {
			return err
		}
		mib := func(n float64) float64 { return n / (1 << 20) }
		ratio := m.ours.Peak / m.theirs.Peak
		wall := result{Case: p.name + ", whole process", Unit: "wall ms", Ours: m.ours.Wall * 1e3, Theirs: m.theirs.Wall * 1e3, Against: "node with sharp", Ratio: m.wallRatio}
		memory := result{Case: p.name + ", whole process", Unit: "peak MiB", Ours: mib(m.ours.Peak), Theirs: mib(m.theirs.Peak), Against: "node with sharp", Ratio: ratio, Bar: 1}
		if p.format == "jpeg" && p.megapixels() > 2 {
			wall.Bar = barWall
			b.add(result{Case: memory.Case, Unit: "peak MiB", Ours: mib(m.ours.Peak), Theirs: mib(barMemory), Against: "the smallest Lambda", Ratio: m.ours.Peak / barMemory, Bar: 1})
		}
		b.add(wall)
		b.add(memory)
	}
	return nil
}

// coldRun returns a run of a whole process.
func (b *avatarBench) coldRun(p photo, ours bool) func() (usage, error) {
	return func() (usage, error) {
		out := filepath.Join(b.scratch, "cold.jpg.out")
		var cmd *exec.Cmd
		if ours {
			self, err := os.Executable()
			if err != nil {
				return usage{}, err
			}
			cmd = exec.CommandContext(b.ctx, self, p.path, out)
			cmd.Env = append(os.Environ(), coldVariable+"=1")
		} else {
			cmd = nodeCommand(b.ctx, b.node, warmScript+sharpScript, p.path, out)
		}
		cmd.Stderr = os.Stderr
		began := time.Now()
		text, err := cmd.Output()
		wall := time.Since(began)
		if err != nil {
			return usage{}, fmt.Errorf("run %s: %w", cmd.Path, err)
		}
		var u usage
		if err := json.Unmarshal(text, &u); err != nil {
			return usage{}, err
		}
		u.Wall = wall.Seconds()
		u.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
		return u, nil
	}
}
