// Command bench compares avatarkit with what it replaces, in one interleaved run on this machine, and prints ratios.
//
//	go run ./examples/bench [-json] [-photos DIR] [-rounds N] [-part NAME] [SUITE...]
//
// The suites are avatar (against sharp), auth and migrate; without a name it runs all. What a comparison needs from npm (sharp, aws-jwt-verify) is installed into a cache folder.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
)

// options are the flags that the comparisons share.
type options struct {
	photos string    // folder of pictures; empty means generated ones
	rounds int       // interleaved rounds
	part   string    // of a suite, if it has parts; empty means all
	log    io.Writer // progress
}

// result is one line of the table: ours against theirs, as a median of paired ratios.
type result struct {
	Suite   string  `json:"suite"`
	Case    string  `json:"case"`
	Unit    string  `json:"unit"` // of Ours and Theirs, after what is measured: "CPU ms"
	Ours    float64 `json:"ours"`
	Theirs  float64 `json:"theirs"`
	Against string  `json:"against"`
	Ratio   float64 `json:"ratio"` // Ours/Theirs
	Bar     float64 `json:"bar,omitempty"`
}

func main() {
	suites := map[string]func(context.Context, options) ([]result, error){"auth": benchAuth, "avatar": benchAvatar, "migrate": benchMigrate}
	workers := map[string]map[string]job{"avatar": avatarJobs()}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if suite := os.Getenv(workerVariable); suite != "" {
		if err := serve(ctx, workers[suite]); err != nil {
			fmt.Fprintf(os.Stderr, "bench: worker: %v\n", err)
			os.Exit(1)
		}
		return
	}
	if os.Getenv(coldVariable) != "" {
		if err := renderFile(ctx, os.Args[1], os.Args[2], os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v\n", err)
			os.Exit(1)
		}
		return
	}
	opts := options{log: os.Stderr}
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	flag.StringVar(&opts.photos, "photos", "", "folder of photos to measure with (default: generated ones)")
	flag.StringVar(&opts.part, "part", "", "only this part of a suite, such as speed, throughput, cold, quality or size of avatar (default: all)")
	flag.IntVar(&opts.rounds, "rounds", 11, "interleaved rounds")
	flag.Parse()
	names := flag.Args()
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(suites))
	}
	var all []result
	for _, name := range names {
		suite, ok := suites[name]
		if !ok {
			fmt.Fprintf(os.Stderr, "bench: no comparison %q\n", name)
			os.Exit(2)
		}
		results, err := suite(ctx, opts)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", name, err)
			os.Exit(1)
		}
		all = append(all, results...)
	}
	if *asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(slices.Clip(all))
		return
	}
	w := tabwriter.NewWriter(os.Stdout, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "suite\tcase\tours\ttheirs\tunit\tagainst\tratio\tbar\t")
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%s\t%.3g\t%.3g\t%s\t%s\t%.3f\t%.2f\t\n", r.Suite, r.Case, r.Ours, r.Theirs, r.Unit, r.Against, r.Ratio, r.Bar)
	}
	_ = w.Flush()
}
