// Command doctor examines a live pair of buckets and says what is wrong with them and how to mend it.
//
//	go run ./examples/doctor -uploads s3://uploads?region=eu-central-1 -assets s3://assets?region=eu-central-1 \
//	    -origins https://app.example.com -cdn https://assets.example.com
//
// It does what a browser would: real preflights from the pages' origins, real uploads with real grants, right and wrong, and
// real requests to the CDN. Beside that it looks at the lifecycle rules, the clocks, and whether the prefixes keep uploads and
// pictures apart. Credentials come from where the store's SDK looks for them, and should be those of the service itself.
//
// Everything that it writes lies below one random name in each bucket and is deleted at the end. The names are no upload keys:
// a pipeline that hears of them refuses them and writes nothing.
//
// # Answers
//
// Each finding has a stable code, a sentence, and its fix, often with the very document to apply. A problem must be mended. A
// note says what nobody could check from here, or what the store cannot do, so that the pipeline must.
//
// The exit code is 0 without problems, 1 with some, and 2 when the examination itself was not possible: wrong flags, or a bucket
// that cannot be opened or reached. With -json the report is one JSON object: "problems" and "notes" (each with code, detail, fix
// and perhaps document), and "passed", the names of the checks that found nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// The exit codes.
const (
	exitHealthy  = 0
	exitProblems = 1
	exitUnable   = 2
)

func run(ctx context.Context, args []string, out, logs io.Writer) int {
	cfg, err := parse(args, logs)
	if errors.Is(err, flag.ErrHelp) {
		return exitHealthy
	}
	var r *report
	if err == nil {
		r, err = examine(ctx, cfg)
	}
	if err == nil {
		err = r.write(out, cfg)
	}
	switch {
	case err != nil:
		fmt.Fprintln(logs, "doctor:", err)
		return exitUnable
	case len(r.Problems) > 0:
		return exitProblems
	}
	return exitHealthy
}
