// Package lambda_test runs the functions of examples/lambda as Lambda does: real bootstrap binaries behind a fake Runtime API and
// a fake HTTP API gateway with a Lambda authorizer. The official emulator is no Go module; these follow Amazon's documents:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package lambda_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// maxPayload is Lambda's limit of a request and of a response of a synchronous call.
const maxPayload = 6 << 20

// instance is a deployed function with at most one execution environment, as with a concurrency of 1.
type instance struct {
	t       *testing.T
	binary  string
	env     []string
	timeout time.Duration
	server  *http.Server
	addr    string
	call    sync.Mutex // one invocation at a time

	next     chan chan invocation // of a runtime that waits for work
	answered chan outcome
	process  *process // nil before the first call and after an exit
	colds    int
	cold     time.Duration // of the last start, until the runtime asked for work
}

type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
}

// outcome is what the runtime posted.
type outcome struct {
	id      string
	payload []byte
	failed  bool // posted to /error
}

type process struct {
	cmd  *exec.Cmd
	log  *syncBuffer
	done chan struct{} // closed at the exit
}

// errFunction is the error of a call whose function failed, as Lambda tells it.
type errFunction struct{ kind, log string }

func (e *errFunction) Error() string { return e.kind + "\n" + e.log }

// deploy makes a function of the binary. The environment is clean but for what Lambda sets, and env.
func deploy(t *testing.T, binary string, timeout time.Duration, env ...string) *instance {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &instance{t: t, binary: binary, timeout: timeout, addr: l.Addr().String(), next: make(chan chan invocation), answered: make(chan outcome, 1)}
	f.env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + f.addr, "AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1024",
		"AWS_REGION=us-east-1", "_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=/var/task", "PATH=/usr/bin:/bin", "TZ=:UTC",
	}, env...)
	f.server = &http.Server{Handler: f.api()}
	go func() { _ = f.server.Serve(l) }() // until the end of the test
	t.Cleanup(func() {
		f.kill()
		_ = f.server.Close()
	})
	return f
}

func (f *instance) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.serveNext)
	post := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			o := outcome{r.PathValue("id"), body, failed}
			if len(body) > maxPayload {
				o = outcome{o.id, []byte(`{"errorType":"Function.ResponseSizeTooLarge"}`), true}
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			} else {
				w.WriteHeader(http.StatusAccepted)
			}
			f.answered <- o
		}
	}
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", post(false))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", post(true))
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	return mux
}

// serveNext gives the runtime its next event; until there is one, the runtime waits.
func (f *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	work := make(chan invocation)
	select {
	case f.next <- work:
	case <-r.Context().Done():
		return
	}
	select {
	case in := <-work:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
		_, _ = w.Write(in.payload) // the process may have died
	case <-r.Context().Done():
	}
}

// invoke calls the function and waits until the runtime asks for more work, exits or is out of time: an invocation is not over
// before. Between calls the process is frozen.
func (f *instance) invoke(payload []byte) ([]byte, error) {
	f.call.Lock()
	defer f.call.Unlock()
	if len(payload) > maxPayload {
		return nil, &errFunction{kind: "RequestEntityTooLarge"}
	}
	work, err := f.runtime()
	if err != nil {
		return nil, err
	}
	select { // an answer of an earlier call that came too late
	case <-f.answered:
	default:
	}
	in := invocation{fmt.Sprintf("00000000-0000-4000-8000-%012d", time.Now().UnixNano()%1e12), payload, time.Now().Add(f.timeout)}
	p := f.process
	work <- in
	deadline := time.NewTimer(f.timeout)
	defer deadline.Stop()
	var answer *outcome
	for {
		select {
		case o := <-f.answered:
			if o.id == in.id {
				answer = &o
			}
		case waiting := <-f.next:
			f.freeze(waiting)
			return f.result(answer, p, "Runtime.NoResponse")
		case <-p.done:
			f.process = nil
			select { // posted just before the exit
			case o := <-f.answered:
				answer = &o
			default:
			}
			return f.result(answer, p, "Runtime.ExitError")
		case <-deadline.C:
			f.kill()
			return f.result(nil, p, fmt.Sprintf("Task timed out after %v", f.timeout))
		}
	}
}

func (f *instance) result(answer *outcome, p *process, without string) ([]byte, error) {
	switch {
	case answer == nil:
		return nil, &errFunction{without, p.log.String()}
	case answer.failed:
		return nil, &errFunction{string(answer.payload), p.log.String()}
	}
	return answer.payload, nil
}

// errInit is the error of a call whose function did not get as far as asking for work.
var errInit = errors.New("the function did not start")

// runtime thaws the process, or starts one, and returns where its work goes.
func (f *instance) runtime() (chan<- invocation, error) {
	if p := f.process; p != nil {
		_ = syscall.Kill(p.cmd.Process.Pid, syscall.SIGCONT) // if it has died, done tells
		select {
		case work := <-f.next:
			return work, nil
		case <-p.done:
			f.process = nil
		case <-time.After(10 * time.Second):
			return nil, errInit
		}
	}
	p := &process{cmd: exec.Command(f.binary), log: &syncBuffer{}, done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr, p.cmd.Stdout = f.env, p.log, p.log
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	f.process = p
	f.colds++
	select {
	case work := <-f.next:
		f.cold = time.Since(begin)
		return work, nil
	case <-p.done:
		f.process = nil
		return nil, fmt.Errorf("%w: %s", errInit, p.log)
	case <-time.After(10 * time.Second): // Lambda's limit of the init phase
		f.kill()
		return nil, fmt.Errorf("%w in time: %s", errInit, p.log)
	}
}

// freeze stops the process until the next call, and keeps the place where its work goes.
func (f *instance) freeze(work chan invocation) {
	p := f.process
	_ = syscall.Kill(p.cmd.Process.Pid, syscall.SIGSTOP) // if it has died, done tells
	go func() {
		select {
		case f.next <- work:
		case <-p.done:
		}
	}()
}

func (f *instance) kill() {
	if p := f.process; p != nil {
		_ = p.cmd.Process.Kill() // it may have died
		<-p.done
		f.process = nil
	}
}

// syncBuffer is the log of a process.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
