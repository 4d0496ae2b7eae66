package main

import (
	"bytes"
	"image"
	"math"
	"os"
	"path/filepath"
)

const squareSide = 512

// quality compares both results with the picture that sharp decodes at full size, reduced by Lanczos 3 in floating point: once as the resampler leaves it, and once
// as it was written with quality 85. Ours crops and then reduces, sharp reduces and then crops, which moves its square by
// a fraction of a pixel; each is held against a reference of its own square.
func (b *avatarBench) quality() error {
	for _, p := range b.photos {
		path := func(name string) string { return filepath.Join(b.scratch, name+".quality") }
		tasks := []struct {
			w        *worker
			job, out string
		}{
			{b.theirs, "pixels", "pixels"}, {b.theirs, "raw", "theirs"}, {b.theirs, "written", "theirs-written"},
			{b.ours, "lossless", "ours"}, {b.ours, "one", "ours-written"},
		}
		for _, t := range tasks {
			if _, err := t.w.perform(task{Job: t.job, Args: map[string]string{"file": p.path, "out": path(t.out)}, Count: 1}); err != nil {
				return err
			}
		}
		pixels, err := os.ReadFile(path("pixels"))
		if err != nil {
			return err
		}
		ourSquare, theirSquare := squares(p.width, p.height)
		wantOurs := reduce(pixels, p.width, p.height, ourSquare)
		wantTheirs := reduce(pixels, p.width, p.height, theirSquare)
		for _, kind := range []struct{ unit, suffix string }{{"mean difference, lossless", ""}, {"mean difference, as JPEG", "-written"}} {
			ours, err := readPixels(path("ours" + kind.suffix))
			if err != nil {
				return err
			}
			theirs, err := readPixels(path("theirs" + kind.suffix))
			if err != nil {
				return err
			}
			a, c := difference(ours, wantOurs), difference(theirs, wantTheirs)
			b.add(result{Case: p.name + " to one 512 square", Unit: kind.unit, Ours: a, Theirs: c, Against: "sharp", Ratio: a / c, Bar: 1})
		}
	}
	return nil
}

// area is a part of a picture, in pixels.
type area struct{ x, y, w, h float64 }

// squares returns what either shows in its square.
func squares(width, height int) (ours, theirs area) {
	side := min(width, height)
	ours = area{float64((width - side) / 2), float64((height - side) / 2), float64(side), float64(side)}
	// sharp reduces to whole pixels, and cuts at whole pixels.
	scale := squareSide / float64(side)
	w, h := math.Round(float64(width)*scale), math.Round(float64(height)*scale)
	left, top := math.Floor((w-squareSide+1)/2), math.Floor((h-squareSide+1)/2)
	unitX, unitY := float64(width)/w, float64(height)/h
	theirs = area{left * unitX, top * unitY, squareSide * unitX, squareSide * unitY}
	return ours, theirs
}

// readPixels reads a picture, or raw RGB.
func readPixels(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil || len(data) == squareSide*squareSide*3 {
		return data, err
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, squareSide*squareSide*3)
	for y := range squareSide {
		for x := range squareSide {
			r, g, b, _ := m.At(x, y).RGBA()
			out = append(out, byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return out, nil
}

// difference is the mean absolute difference of a sample, in levels of 255.
func difference(got []byte, want []float64) float64 {
	sum := 0.0
	for i, v := range want {
		sum += math.Abs(float64(got[i]) - min(max(v, 0), 255))
	}
	return sum / float64(len(want))
}

// reduce reduces a part of a picture to the square with Lanczos 3, plainly. The filter sees only that part of the picture.
func reduce(pixels []byte, width, height int, a area) []float64 {
	across, down := weights(width, a.x, a.w), weights(height, a.y, a.h)
	mid := make([]float64, height*squareSide*3)
	for y := range height {
		row := pixels[y*width*3 : (y+1)*width*3]
		for x, t := range across {
			var sum [3]float64
			for k, f := range t.weights {
				px := row[3*(t.from+k):]
				sum[0] += f * float64(px[0])
				sum[1] += f * float64(px[1])
				sum[2] += f * float64(px[2])
			}
			copy(mid[(y*squareSide+x)*3:], sum[:])
		}
	}
	out := make([]float64, squareSide*squareSide*3)
	for y, t := range down {
		for k, f := range t.weights {
			row := mid[(t.from+k)*squareSide*3:]
			for i := range squareSide * 3 {
				out[y*squareSide*3+i] += f * row[i]
			}
		}
	}
	return out
}

type taps struct {
	from    int
	weights []float64
}

func weights(size int, from, length float64) []taps {
	all := make([]taps, squareSide)
	scale := length / squareSide
	stretch := max(scale, 1)
	for i := range all {
		centre := from + (float64(i)+0.5)*scale
		lo, hi := max(int(math.Ceil(centre-3*stretch-0.5)), 0), min(int(math.Floor(centre+3*stretch-0.5)), size-1)
		t := taps{from: lo}
		sum := 0.0
		for k := lo; k <= hi; k++ {
			d := (float64(k) + 0.5 - centre) / stretch * math.Pi
			f := 1.0
			if d != 0 {
				f = 3 * math.Sin(d) * math.Sin(d/3) / (d * d)
			}
			t.weights = append(t.weights, f)
			sum += f
		}
		for k := range t.weights {
			t.weights[k] /= sum
		}
		all[i] = t
	}
	return all
}
