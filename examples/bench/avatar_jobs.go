package main

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"

	"github.com/cruddur/avatarkit/avatar"
)

// The same limits for all jobs, wide enough for 100 megapixels.
func benchConfig(sides ...int) avatar.Config {
	kind := avatar.Kind{Name: "avatar"}
	for _, side := range sides {
		kind.Variants = append(kind.Variants, avatar.Variant{Name: strconv.Itoa(side), Width: side, Height: side})
	}
	return avatar.Config{
		Kind: kind, MaxPixels: 200e6, MaxBytes: 200 << 20,
		Crop: avatar.Crop{Mode: avatar.CropCentre}, Encoder: avatar.JPEG{Quality: 85},
	}
}

// avatarJobs are what sharp.cjs has under the same names. Like a service's, a pipeline lives as long as its process.
func avatarJobs() map[string]job {
	render := func(cfg avatar.Config) job {
		pipeline := sync.OnceValues(func() (*avatar.Pipeline, error) { return avatar.New(cfg) })
		return func(ctx context.Context, args map[string]string) (func() error, error) {
			p, err := pipeline()
			if err != nil {
				return nil, err
			}
			data, err := os.ReadFile(args["file"])
			if err != nil {
				return nil, err
			}
			return func() error {
				set, err := p.Render(ctx, bytes.NewReader(data))
				if err != nil || args["out"] == "" {
					return err
				}
				return os.WriteFile(args["out"], set.Pictures[0].Data, 0o644)
			}, nil
		}
	}
	lossless := benchConfig(512)
	lossless.Encoder = avatar.PNG{}
	return map[string]job{
		"one":      render(benchConfig(512)),
		"four":     render(benchConfig(512, 256, 128, 64)),
		"lossless": render(lossless),
		"batch":    batch,
	}
}

// batch renders many pictures on all cores.
func batch(ctx context.Context, args map[string]string) (func() error, error) {
	p, err := avatar.New(benchConfig(512))
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(args["file"])
	if err != nil {
		return nil, err
	}
	pictures, err := strconv.Atoi(args["pictures"])
	if err != nil {
		return nil, err
	}
	return func() error {
		work := make(chan struct{}, pictures)
		for range pictures {
			work <- struct{}{}
		}
		close(work)
		errs := make(chan error, pictures)
		var all sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			all.Go(func() {
				for range work {
					_, err := p.Render(ctx, bytes.NewReader(data))
					errs <- err
				}
			})
		}
		all.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}, nil
}
