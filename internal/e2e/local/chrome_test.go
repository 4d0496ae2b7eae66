package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/cruddur/avatarkit/internal/e2e/component"
)

// browser starts Chromium and returns the context of its first tab.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := component.Program(t, "chromium", "/usr/bin/chromium", "/usr/bin/google-chrome")
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	}
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, stopTab := chromedp.NewContext(alloc)
	t.Cleanup(stopTab)
	ctx, stopTimer := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(stopTimer)
	open(t, ctx)
	return ctx
}

// open opens the tab, which lives as long as the context of the first call, and fails the test at its end for whatever the console
// had to complain about: exceptions, violations of the Content-Security-Policy, errors. Answers with an error status are no complaint.
func open(t *testing.T, ctx context.Context) {
	t.Helper()
	var mu sync.Mutex
	var complaints []string
	complain := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		complaints = append(complaints, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complain("exception: %s line %d", e.ExceptionDetails.Text, e.ExceptionDetails.LineNumber)
		case *runtime.EventConsoleAPICalled:
			complain("console: %s", e.Type)
		case *log.EventEntryAdded:
			if e.Entry.Source != "network" || strings.Contains(e.Entry.Text, "Content Security Policy") {
				complain("%s: %s", e.Entry.Source, e.Entry.Text)
			}
		}
	})
	if err == nil {
		err = chromedp.Do(ctx, call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
}

// call is a command of the DevTools protocol as an action.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, command, params)
		return err
	})
}

// step runs actions, and says which step failed.
func step(t *testing.T, ctx context.Context, name string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	limited, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	if err := chromedp.Do(limited, actions...); err != nil {
		shoot(t, ctx, "failed.png")
		t.Fatalf("%s: %v", name, err)
	}
}

// value runs an action that returns something.
func value[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	limited, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	v, err := chromedp.Run(limited, action)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	// Pictures are there and nothing moves any more, or the shot shows a state that nobody sees.
	const settled = `document.getAnimations().every((a) => a.playState === "finished" || a.effect.getTiming().iterations === Infinity) &&
		[...document.images].every((i) => i.hidden || i.complete)`
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](settled)); ok && err == nil {
			break
		}
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Errorf("screenshot %s: %v", name, err)
		return
	}
	path := filepath.Join(artifacts(t), name)
	if err := os.WriteFile(path, png, 0o600); err != nil {
		t.Error(err)
	}
	t.Logf("screenshot: %s", path)
}

// artifacts is a folder that outlives the test, outside the repository.
func artifacts(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), "avatarkit-screenshots")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func size(width, height int64, dark bool) chromedp.Action[chromedp.Void] {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	return chromedp.Steps(chromedp.EmulateViewport(width, height), call(emulation.SetEmulatedMedia, media))
}

// src waits until the avatar on the page is loaded and is not old, and returns its address.
func src(t *testing.T, ctx context.Context, old string) string {
	t.Helper()
	const js = `(() => { const i = document.querySelector("#avatar img"); return !i.hidden && i.complete && i.naturalWidth > 0 ? i.src : "" })()`
	got := ""
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		got = value(t, ctx, chromedp.Evaluate[string](js))
		if got != "" && got != old {
			return got
		}
	}
	shoot(t, ctx, "failed.png")
	t.Fatalf("the avatar did not change from %q", old)
	return ""
}

// clear empties a field, as a person does who selects all and types over it.
func clear(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](`(document.querySelector("`+selector+`").value = "", true)`)(ctx, tab)
		return err
	})
}
