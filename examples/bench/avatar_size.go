package main

import (
	"fmt"
	"image"
	"math"
	"path/filepath"
)

// size shows how the cost grows with the picture, from half a megapixel to a hundred: all of it, and by megapixel, and the memory of a whole process. The
// result is always the same square, and making it costs the same: it is most of the cost of the smallest pictures, so that a megapixel seems
// dearer there. Behind that the cost is that of reading the file, and linear; it is a little higher where a larger part of each block is needed.
func (b *avatarBench) size() error {
	for _, megapixels := range []float64{0.5, 1, 2, 8, 12, 25, 50, 100} {
		h := math.Sqrt(megapixels * 1e6 * 3 / 4)
		size := image.Pt(int(h*4/3), int(h))
		p := photo{path: filepath.Join(b.scratch, fmt.Sprintf("linear-%g.jpg", megapixels)), format: "jpeg", width: size.X, height: size.Y}
		if err := writeScene(p.path, size); err != nil {
			return err
		}
		t := task{Job: "one", Args: map[string]string{"file": p.path}, Count: max(int(6/megapixels), 1)}
		warm, err := compare(max(b.opts.rounds/3, 3), do(b.ours, t), do(b.theirs, t))
		if err != nil {
			return err
		}
		cold, err := compare(1, b.coldRun(p, true), b.coldRun(p, false))
		if err != nil {
			return err
		}
		ours, theirs := warm.ours.CPU*1e3, warm.theirs.CPU*1e3
		r := result{Case: fmt.Sprintf("generated %g MP JPEG to one 512 square", megapixels), Against: "sharp", Ratio: warm.cpuRatio}
		r.Unit, r.Ours, r.Theirs = "CPU ms", ours, theirs
		b.add(r)
		r.Unit, r.Ours, r.Theirs = "CPU ms a megapixel", ours/megapixels, theirs/megapixels
		b.add(r)
		r.Unit, r.Ours, r.Theirs, r.Ratio = "peak MiB", cold.ours.Peak/(1<<20), cold.theirs.Peak/(1<<20), cold.ours.Peak/cold.theirs.Peak
		b.add(r)
	}
	return nil
}
