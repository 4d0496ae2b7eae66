// Command backfill makes every published picture anew, after a change of its sizes, or takes in the original system's pictures.
//
//	backfill -uploads s3://… -assets s3://… -name 2026-11-larger -sizes 768,512,256,128,64 -plan
//	backfill … -dry-run     render everything, write nothing
//	backfill …              do it; the same command goes on after an interruption
//	backfill … -adopt       take in avatars/<subject>.jpg of those who have no newer picture
//
// The sizes, limits and the secret must be those of the service, which is deployed first; a service with more settings
// copies this command and puts its own pipeline into open.go. With -db the profiles learn of the new versions.
//
// A terminal gets a progress bar, anything else plain lines now and then. Failures are listed at the end, one a line: subject, tab, reason.
//
// Exit codes: 0 done, 1 stopped before the end, 2 wrong usage, 3 done and some pictures stayed as they were.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cruddur/avatarkit/avatar"
)

const (
	done = iota
	stopped
	usage
	failures
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr, isTerminal(os.Stderr))
	stop()
	os.Exit(code)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// config is what the flags say.
type config struct {
	uploads, assets, db string
	kind                string
	sizes               []int
	secret              string
	plan                bool
	avatar.BackfillOptions
}

func parse(args []string, env func(string) string, log io.Writer) (config, error) {
	c := config{secret: env("AVATARKIT_PUBLIC_ID_SECRET")}
	flags := flag.NewFlagSet("backfill", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&c.uploads, "uploads", env("AVATARKIT_UPLOADS"), "`URL` of the bucket for uploads: s3://…, gs://…, azblob://… or file:///…?no_tmp_dir=true")
	flags.StringVar(&c.assets, "assets", env("AVATARKIT_ASSETS"), "`URL` of the bucket for published pictures")
	flags.StringVar(&c.db, "db", env("AVATARKIT_DB"), "postgres://… or sqlite:PATH: the profiles that show the pictures (optional)")
	flags.StringVar(&c.kind, "kind", "avatar", "`kind` of picture: avatar or banner")
	sizes := flags.String("sizes", "", "widths of the variants, separated by commas, instead of the kind's own")
	flags.StringVar(&c.Name, "name", "", "`name` of this backfill, such as 2026-11-larger")
	flags.BoolVar(&c.Adopt, "adopt", false, "take in the original system's pictures instead")
	flags.IntVar(&c.Workers, "workers", 4, "how many pictures at once")
	flags.BoolVar(&c.plan, "plan", false, "only say how much there is to do")
	flags.BoolVar(&c.DryRun, "dry-run", false, "render everything and write nothing")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	var faults []error
	if flags.NArg() > 0 {
		faults = append(faults, fmt.Errorf("unexpected argument %q", flags.Arg(0)))
	}
	if c.uploads == "" || c.assets == "" {
		faults = append(faults, errors.New("give -uploads and -assets"))
	}
	if c.Name == "" {
		faults = append(faults, errors.New("give -name"))
	}
	if c.Workers < 1 {
		faults = append(faults, errors.New("-workers must be at least 1"))
	}
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		switch {
		case *sizes == "":
		case err != nil || n < 1:
			faults = append(faults, fmt.Errorf("-sizes: %q is no width", text))
		default:
			c.sizes = append(c.sizes, n)
		}
	}
	return c, errors.Join(faults...)
}

func run(ctx context.Context, args []string, env func(string) string, out, log io.Writer, terminal bool) int {
	c, err := parse(args, env, log)
	if errors.Is(err, flag.ErrHelp) {
		return done
	}
	if err != nil {
		fmt.Fprintf(log, "backfill: %v\n", err)
		return usage
	}
	p, closer, err := open(ctx, c)
	if err != nil {
		fmt.Fprintf(log, "backfill: %v\n", err)
		return usage
	}
	defer closer()
	failed, err := c.do(ctx, p, out, log, terminal)
	for _, f := range failed {
		fmt.Fprintf(out, "%s\t%v\n", f.Subject, f.Err)
	}
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(log, "backfill: interrupted; the same command goes on from here")
		return stopped
	case err != nil:
		fmt.Fprintf(log, "backfill: %v\n", err)
		return stopped
	case len(failed) > 0:
		return failures
	}
	return done
}

// do plans, and then does it unless only the plan is wanted.
func (c config) do(ctx context.Context, p *avatar.Processor, out, log io.Writer, terminal bool) ([]avatar.BackfillFailure, error) {
	if !c.plan && !c.DryRun {
		if _, err := p.Recover(ctx); err != nil { // what was left unfinished has no picture to be made anew yet
			fmt.Fprintf(log, "backfill: some uploads cannot be finished at the moment: %v\n", err)
		}
	}
	plan, err := p.PlanBackfill(ctx, c.BackfillOptions)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "%d of %d pictures to make, from %s; about %v with %d workers; %d cannot be made\n",
		plan.Pictures, plan.Subjects, bytesOf(plan.Bytes), plan.Estimate.Round(time.Second), c.Workers, len(plan.Failures))
	if c.plan {
		return plan.Failures, nil
	}
	bar := &bar{out: log, terminal: terminal, total: plan.Subjects, begin: time.Now()}
	c.Progress = func(b avatar.BackfillProgress) { bar.show(b, time.Now()) }
	report, err := p.Backfill(ctx, c.BackfillOptions)
	bar.end()
	fmt.Fprintf(out, "%d made, %d overtaken by newer uploads, %d had nothing to do, %d failed\n", report.Made, report.Superseded, report.Skipped, report.Failed)
	return report.Failures, err
}
