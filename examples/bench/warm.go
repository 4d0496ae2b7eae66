package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// What is compared runs in processes of its own that stay alive, so that start-up and compilation are not measured, and that measure themselves: their
// CPU time is that of all their threads. A process reads tasks and answers each with its usage, a line of JSON each.
//
// To add a comparison: put jobs into the map that main passes to serve, put the same under the same names into a script that follows warm.cjs and
// calls its serve, start both with goWorker and startNode, and let compare run them in turn.

// task asks a worker to repeat a job.
type task struct {
	Job   string            `json:"job"`
	Args  map[string]string `json:"args,omitempty"`
	Count int               `json:"count"`
}

// usage is what one repetition took.
type usage struct {
	CPU  float64 `json:"cpu"`  // seconds, of all threads
	Wall float64 `json:"wall"` // seconds
	Peak float64 `json:"peak"` // bytes of resident memory, the most that the process ever had
}

// each is the usage of one of n things that were done together.
func (u usage) each(n float64) usage { return usage{u.CPU / n, u.Wall / n, u.Peak} }

type answer struct {
	usage
	Error string `json:"error,omitempty"`
}

// job prepares one task, which is not measured, and returns what is.
type job func(ctx context.Context, args map[string]string) (func() error, error)

// workerVariable names the environment variable that makes this program a worker.
const workerVariable = "AVATARKIT_BENCH_WORKER"

// serve answers the tasks on standard input until it ends.
func serve(ctx context.Context, jobs map[string]job) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var t task
		if err := in.Decode(&t); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var a answer
		var err error
		if a.usage, err = perform(ctx, jobs, t); err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

func perform(ctx context.Context, jobs map[string]job, t task) (usage, error) {
	prepare, ok := jobs[t.Job]
	if !ok {
		return usage{}, fmt.Errorf("no job %q", t.Job)
	}
	run, err := prepare(ctx, t.Args)
	if err != nil {
		return usage{}, err
	}
	began, before := time.Now(), cpu()
	for range t.Count {
		if err := run(); err != nil {
			return usage{}, err
		}
	}
	n := float64(max(t.Count, 1))
	return usage{CPU: (cpu() - before).Seconds() / n, Wall: time.Since(began).Seconds() / n, Peak: peakMemory()}, nil
}

// peakMemory is Linux's high-water mark of the resident memory. The one that getrusage tells counts the parent's, too.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	field, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, _ := strconv.ParseFloat(field, 64)
	return kib * 1024
}

// goWorker starts this program again, as the worker of a suite.
func goWorker(ctx context.Context, suite string) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), workerVariable+"="+suite)
	return startWorker(cmd)
}

// warmScript is what a script of startNode begins with to have serve.
//
//go:embed warm.cjs
var warmScript string

// perform has a worker perform a task.
func (w *worker) perform(t task) (usage, error) {
	var a answer
	if err := w.ask(t, &a); err != nil {
		return usage{}, err
	}
	if a.Error != "" {
		return usage{}, fmt.Errorf("%s: %s: %s", w.cmd.Path, t.Job, a.Error)
	}
	return a.usage, nil
}

// measured is a comparison: medians, of which the ratios are those of rounds and not of the medians.
type measured struct {
	ours, theirs        usage
	cpuRatio, wallRatio float64
}

// compare runs both in turn, after two rounds that do not count. Whatever else the machine does meets both alike.
func compare(rounds int, ours, theirs func() (usage, error)) (measured, error) {
	const warmUp = 2
	var a, b []usage
	for i := range warmUp + rounds {
		first, err := ours()
		if err != nil {
			return measured{}, err
		}
		second, err := theirs()
		if err != nil {
			return measured{}, err
		}
		if i >= warmUp {
			a, b = append(a, first), append(b, second)
		}
	}
	pick := func(all []usage, f func(usage) float64) float64 {
		values := make([]float64, len(all))
		for i, u := range all {
			values[i] = f(u)
		}
		return median(values)
	}
	cpu, wall := func(u usage) float64 { return u.CPU }, func(u usage) float64 { return u.Wall }
	peak := func(u usage) float64 { return u.Peak }
	m := measured{
		ours:   usage{pick(a, cpu), pick(a, wall), pick(a, peak)},
		theirs: usage{pick(b, cpu), pick(b, wall), pick(b, peak)},
	}
	cpus, walls := make([]float64, len(a)), make([]float64, len(a))
	for i := range a {
		cpus[i], walls[i] = a[i].CPU/b[i].CPU, a[i].Wall/b[i].Wall
	}
	m.cpuRatio, m.wallRatio = median(cpus), median(walls)
	return m, nil
}

// do returns the performance of a task, for compare.
func do(w *worker, t task) func() (usage, error) {
	return func() (usage, error) { return w.perform(t) }
}
