package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"strconv"
)

//go:embed sharp.cjs
var sharpScript string

// benchAvatar compares the pipeline with sharp: CPU and wall time of warm processes, whole processes, memory, throughput, quality, and cost by size.
func benchAvatar(ctx context.Context, opts options) ([]result, error) {
	scratch, err := os.MkdirTemp("", "avatarkit-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	b := &avatarBench{ctx: ctx, opts: opts, scratch: scratch}
	if b.ours, err = goWorker(ctx, "avatar"); err != nil {
		return nil, err
	}
	defer b.ours.stop()
	if b.node, err = nodePackage(ctx, "sharp", "0.35.5"); err != nil {
		return nil, err
	}
	if b.theirs, err = startNode(ctx, b.node, warmScript+sharpScript); err != nil {
		return nil, err
	}
	defer b.theirs.stop()
	if b.photos, err = preparePhotos(opts.photos, scratch, b.theirs); err != nil {
		return nil, err
	}
	parts := []struct {
		name string
		run  func() error
	}{{"speed", b.speed}, {"throughput", b.throughput}, {"cold", b.cold}, {"quality", b.quality}, {"size", b.size}}
	for _, part := range parts {
		if opts.part != "" && opts.part != part.name {
			continue
		}
		if err := part.run(); err != nil {
			return nil, err
		}
	}
	return b.results, nil
}

type avatarBench struct {
	ctx          context.Context
	opts         options
	scratch      string
	photos       []photo
	node         string // the folder with sharp
	ours, theirs *worker
	results      []result
}

func (b *avatarBench) add(r result) {
	r.Suite = "avatar"
	b.results = append(b.results, r)
	fmt.Fprintf(b.opts.log, "%s: %s: %.3g against %.3g (%s), ratio %.3f, bar %.2f\n", r.Case, r.Unit, r.Ours, r.Theirs, r.Against, r.Ratio, r.Bar)
}

// addTimes adds CPU time, which the bar is for, and wall time.
func (b *avatarBench) addTimes(name, against string, m measured, bar float64) {
	b.add(result{Case: name, Unit: "CPU ms", Ours: m.ours.CPU * 1e3, Theirs: m.theirs.CPU * 1e3, Against: against, Ratio: m.cpuRatio, Bar: bar})
	b.add(result{Case: name, Unit: "wall ms", Ours: m.ours.Wall * 1e3, Theirs: m.theirs.Wall * 1e3, Against: against, Ratio: m.wallRatio})
}

// speed measures one picture at a time.
func (b *avatarBench) speed() error {
	cases := []struct {
		format       string
		megapixels   float64
		ours, theirs string
		against      string
		bar          float64
	}{
		{"jpeg", 2, "one", "one", "sharp", 0.8},
		{"jpeg", 2, "four", "clones", "sharp, clone()", 0.35},
		{"jpeg", 2, "four", "chain", "sharp, chained by hand", 1},
		{"progressive", 2, "one", "one", "sharp", 0.8},
		{"jpeg", -2, "one", "one", "sharp", 0.8},
		{"png", 2, "one", "one", "sharp", 1.3},
		{"webp", 2, "one", "one", "sharp", 2.5},
	}
	for _, c := range cases {
		p, ok := find(b.photos, c.format, c.megapixels)
		if !ok {
			continue
		}
		t := task{Args: map[string]string{"file": p.path}, Count: max(int(6/p.megapixels()), 1)}
		mine, other := t, t
		mine.Job, other.Job = c.ours, c.theirs
		m, err := compare(b.opts.rounds, do(b.ours, mine), do(b.theirs, other))
		if err != nil {
			return err
		}
		name := p.name + " to one 512 square"
		if c.ours == "four" {
			name = p.name + " to four variants"
		}
		b.addTimes(name, c.against, m, c.bar)
	}
	return nil
}

// throughput keeps all cores busy. On a machine that does other things as well the time by the clock says how many threads either brings to the competition
// for the cores; then the CPU time is what to look at.
func (b *avatarBench) throughput() error {
	p, _ := find(b.photos, "jpeg", 2)
	const pictures = 16
	t := task{Job: "batch", Args: map[string]string{"file": p.path, "pictures": strconv.Itoa(pictures)}, Count: 1}
	m, err := compare(b.opts.rounds, do(b.ours, t), do(b.theirs, t))
	if err != nil {
		return err
	}
	m.ours, m.theirs = m.ours.each(pictures), m.theirs.each(pictures)
	name := p.name + ", all cores, a picture"
	b.add(result{Case: name, Unit: "wall ms", Ours: m.ours.Wall * 1e3, Theirs: m.theirs.Wall * 1e3, Against: "sharp", Ratio: m.wallRatio, Bar: 1})
	b.add(result{Case: name, Unit: "CPU ms", Ours: m.ours.CPU * 1e3, Theirs: m.theirs.CPU * 1e3, Against: "sharp", Ratio: m.cpuRatio})
	return nil
}
