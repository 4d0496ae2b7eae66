package main

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	_ "image/gif" // the formats that a folder may hold
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	_ "golang.org/x/image/webp"
)

// photo is a file to measure with.
type photo struct {
	name          string // such as "12 MP JPEG"
	path          string
	format        string // jpeg, progressive, png, webp
	width, height int
}

func (p photo) megapixels() float64 { return float64(p.width) * float64(p.height) / 1e6 }

// listPhotos returns the pictures of a folder, the largest first.
func listPhotos(dir string) ([]photo, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []photo
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		cfg, format, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			continue // no picture
		}
		if format == "jpeg" && bytes.Contains(data, []byte("\xff\xc2\x00\x11\x08")) {
			format = "progressive"
		}
		p := photo{path: path, format: format, width: cfg.Width, height: cfg.Height}
		label := map[string]string{"jpeg": "JPEG", "progressive": "progressive JPEG", "png": "PNG", "webp": "WebP"}[format]
		p.name = fmt.Sprintf("%.2g MP %s", p.megapixels(), label)
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b photo) int { return b.width*b.height - a.width*a.height })
	return all, nil
}

// find returns the first photo of a format, of at least so many megapixels or, if that is negative, of fewer.
func find(all []photo, format string, megapixels float64) (photo, bool) {
	i := slices.IndexFunc(all, func(p photo) bool {
		enough := p.megapixels() >= math.Abs(megapixels)
		return p.format == format && enough == (megapixels >= 0)
	})
	if i < 0 {
		return photo{}, false
	}
	return all[i], true
}

// preparePhotos returns the photos of dir, or generated ones. What is missing for a comparison is made in scratch: a PNG of the first JPEG, and with
// sharp a progressive JPEG and a WebP of it.
func preparePhotos(dir, scratch string, sharp *worker) ([]photo, error) {
	if dir == "" {
		dir = scratch
		for name, size := range map[string]image.Point{"12mp.jpg": {4032, 3024}, "1mp.jpg": {1024, 768}} {
			if err := writeScene(filepath.Join(dir, name), size); err != nil {
				return nil, err
			}
		}
	}
	all, err := listPhotos(dir)
	if err != nil {
		return nil, err
	}
	first, ok := find(all, "jpeg", 2)
	if !ok {
		return nil, fmt.Errorf("no baseline JPEG of 2 megapixels or more in %s", dir)
	}
	if _, ok := find(all, "png", 2); !ok {
		if err := convertPNG(first.path, filepath.Join(scratch, "converted.png")); err != nil {
			return nil, err
		}
	}
	for format, name := range map[string]string{"progressive": "converted.jpg", "webp": "converted.webp"} {
		if _, ok := find(all, format, 2); ok {
			continue
		}
		args := map[string]string{"file": first.path, "out": filepath.Join(scratch, name), "to": format}
		if _, err := sharp.perform(task{Job: "convert", Args: args, Count: 1}); err != nil {
			return nil, err
		}
	}
	if dir == scratch {
		return listPhotos(dir)
	}
	more, err := listPhotos(scratch)
	return append(all, more...), err
}

func convertPNG(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	// Of YCbCr image/png would make 16 bits a sample.
	rgb := image.NewRGBA(m.Bounds())
	draw.Draw(rgb, rgb.Rect, m, m.Bounds().Min, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, rgb); err != nil {
		return err
	}
	return os.WriteFile(to, b.Bytes(), 0o644)
}

// writeScene writes a JPEG of the detail that a photo has: slopes, edges, texture in parts, and a sensor's noise.
func writeScene(path string, size image.Point) error {
	m := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(1, 2))
	unit := 4032 / float64(size.X)
	for y := range size.Y {
		for x := range size.X {
			u, v := float64(x)*unit, float64(y)*unit
			light := 120 + 60*math.Sin(u/700)*math.Cos(v/500)
			if math.Mod(u+0.4*v, 900) < 300 {
				light -= 40
			}
			if math.Sin(u/1300)+math.Cos(v/900) > 0.3 {
				light += 18*math.Sin(u/3.1+v/17) + 10*math.Sin(v/2.3)
			}
			light += 2.5 * random.NormFloat64()
			m.Y[m.YOffset(x, y)] = byte(min(max(light, 0), 255))
			at := m.COffset(x, y)
			m.Cb[at], m.Cr[at] = byte(128+40*math.Sin(u/900)), byte(128+40*math.Cos(v/1100))
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 85}); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
