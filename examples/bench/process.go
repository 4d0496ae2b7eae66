package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// worker is another process that answers every line of JSON with one.
type worker struct {
	cmd     *exec.Cmd
	in      *json.Encoder
	out     *bufio.Reader
	closeIn func() error
}

// startNode runs a script, whose requires resolve in dir, until stop.
func startNode(ctx context.Context, dir, script string) (*worker, error) {
	cmd := nodeCommand(ctx, dir, script)
	w, err := startWorker(cmd)
	if err != nil {
		return nil, fmt.Errorf("the comparison needs Node.js: %w", err)
	}
	return w, nil
}

func nodeCommand(ctx context.Context, dir, script string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "node", append([]string{"-e", script}, args...)...)
	cmd.Dir = dir
	return cmd
}

// startWorker starts a process that answers until stop.
func startWorker(cmd *exec.Cmd) (*worker, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &worker{cmd, json.NewEncoder(in), bufio.NewReader(out), in.Close}, nil
}

// ask sends a question and decodes the answer.
func (w *worker) ask(question, answer any) error {
	if err := w.in.Encode(question); err != nil {
		return err
	}
	line, err := w.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s ended early: %w", w.cmd.Path, err)
	}
	return json.Unmarshal(line, answer)
}

// stop closes the worker's input, at which it ends.
func (w *worker) stop() error {
	_ = w.closeIn()
	return w.cmd.Wait()
}

// nodePackage returns a folder where name@version can be required, and installs it with npm if need be: the folder of
// .ci/components, or one of the user's cache.
func nodePackage(ctx context.Context, name, version string) (string, error) {
	dir := os.Getenv("AVATARKIT_COMPONENTS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "avatarkit")
	}
	shared, own := filepath.Join(dir, "node"), filepath.Join(dir, "bench", name+"-"+version)
	for _, d := range []string{shared, own} {
		var p struct{ Version string }
		text, err := os.ReadFile(filepath.Join(d, "node_modules", filepath.FromSlash(name), "package.json"))
		if err == nil && json.Unmarshal(text, &p) == nil && p.Version == version {
			return d, nil
		}
	}
	if err := os.MkdirAll(own, 0o755); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", own, name+"@"+version)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install %s: %w\n%s", name, err, strings.TrimSpace(string(out)))
	}
	return own, nil
}

// cpu returns the processor time that this process has used, in all of its threads.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// interleave runs ours and theirs in turn, after a round that does not count, and returns the medians of what they report and
// of the ratios of neighbours.
func interleave(rounds int, ours, theirs func() (float64, error)) (our, their, ratio float64, err error) {
	var o, t, r []float64
	for n := range rounds + 1 {
		first, second := ours, theirs
		if n%2 == 1 {
			first, second = theirs, ours
		}
		a, err := first()
		if err != nil {
			return 0, 0, 0, err
		}
		b, err := second()
		if err != nil {
			return 0, 0, 0, err
		}
		if n%2 == 1 {
			a, b = b, a
		}
		if n > 0 {
			o, t, r = append(o, a), append(t, b), append(r, a/b)
		}
	}
	return median(o), median(t), median(r), nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// childrenCPU returns the processor time of the children that this process has waited for.
func childrenCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
