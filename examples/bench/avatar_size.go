package main

import (
	"fmt"
	"image"
	"math"
	"path/filepath"
)

// size shows what a megapixel costs in pictures of half to a hundred of them.
func (b *avatarBench) size() error {
	for _, megapixels := range []float64{0.5, 2, 8, 25, 50, 100} {
		h := math.Sqrt(megapixels * 1e6 * 3 / 4)
		size := image.Pt(int(h*4/3), int(h))
		path := filepath.Join(b.scratch, fmt.Sprintf("linear-%g.jpg", megapixels))
		if err := writeScene(path, size); err != nil {
			return err
		}
		t := task{Job: "one", Args: map[string]string{"file": path}, Count: max(int(6/megapixels), 1)}
		m, err := compare(max(b.opts.rounds/3, 3), do(b.ours, t), do(b.theirs, t))
		if err != nil {
			return err
		}
		b.add(result{
			Case: fmt.Sprintf("generated %g MP JPEG to one 512 square", megapixels), Unit: "CPU ms a megapixel", Against: "sharp",
			Ours: m.ours.CPU * 1e3 / megapixels, Theirs: m.theirs.CPU * 1e3 / megapixels, Ratio: m.cpuRatio,
		})
	}
	return nil
}
