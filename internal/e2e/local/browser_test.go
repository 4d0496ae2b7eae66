package local_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
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
	ctx, stopTimer := context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(stopTimer)
	open(t, ctx)
	return ctx
}

// open opens the tab, which lives as long as the context of the first call.
func open(t *testing.T, ctx context.Context) {
	t.Helper()
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
}

// step runs actions, and says which step failed.
func step(t *testing.T, ctx context.Context, name string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	limited, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	if err := chromedp.Do(limited, actions...); err != nil {
		shoot(t, ctx, "failed.png")
		t.Fatalf("%s: %v", name, err)
	}
}

// value runs an action that returns something.
func value[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	limited, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	v, err := chromedp.Run(limited, action)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
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
	return chromedp.Steps(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, media)
		return err
	}))
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

func TestBrowser(t *testing.T) {
	url := os.Getenv("AVATARKIT_TEST_URL") // a server that runs already
	if url == "" {
		url = start(t).url
	}
	photo := filepath.Join(t.TempDir(), "photo.jpg")
	if err := os.WriteFile(photo, sideways(t, 1200, 900), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong.jpg")
	if err := os.WriteFile(wrong, []byte("this is text and no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := browser(t)
	step(t, one, "open", size(1280, 900, false), chromedp.Navigate(url), chromedp.WaitVisible("#username"))
	shoot(t, one, "1-welcome.png")
	step(t, one, "sign in", chromedp.SendKeys("#username", "andrew\r"), chromedp.WaitVisible("#edit"))
	step(t, one, "post", chromedp.SendKeys("#message", "The first crud. <b>Not bold</b>"), chromedp.Click("#post button"),
		chromedp.WaitVisible("#activities li"))
	if html := value(t, one, chromedp.Text(".message")); html != "The first crud. <b>Not bold</b>" {
		t.Errorf("the crud reads %q", html)
	}

	two, stop := chromedp.NewContext(one) // a second window, not signed in
	defer stop()
	open(t, two)
	step(t, two, "second window", chromedp.Navigate(url+"/@andrew"), chromedp.WaitVisible("#profile"))
	if !value(t, two, chromedp.Evaluate[bool](`document.getElementById("edit").hidden`)) {
		t.Error("a window that is not signed in shows the edit button")
	}

	step(t, one, "open the form", chromedp.Click("#edit"), chromedp.WaitVisible("#dialog"))
	step(t, one, "edit", clear("#display-name"), chromedp.SendKeys("#display-name", "Andrew Brown"),
		chromedp.SendKeys("#bio-text", "Cloud things, and pictures that stand upright."),
		chromedp.SetUploadFiles(`[data-kind=avatar] input`, []string{photo}),
		chromedp.SetUploadFiles(`[data-kind=banner] input`, []string{photo}),
		chromedp.WaitVisible(`[data-kind=avatar] canvas`), chromedp.WaitVisible(`[data-kind=banner] canvas`))
	shoot(t, one, "2-form.png")
	step(t, one, "save", chromedp.Click("#save"), chromedp.WaitNotVisible("#dialog"))
	first := src(t, one, "")
	if second := src(t, two, ""); second != first {
		t.Errorf("the second window shows %s, the first %s", second, first)
	}
	if name := value(t, two, chromedp.Text("#name")); name != "Andrew Brown" {
		t.Errorf("the second window shows the name %q", name)
	}
	shoot(t, one, "3-wide-light.png")
	step(t, one, "narrow", size(390, 844, false))
	shoot(t, one, "4-narrow-light.png")
	step(t, one, "narrow dark", size(390, 844, true))
	shoot(t, one, "5-narrow-dark.png")
	step(t, one, "narrow form", chromedp.Click("#edit"), chromedp.WaitVisible("#dialog"))
	shoot(t, one, "6-narrow-form.png")

	step(t, one, "a wrong file", chromedp.SetUploadFiles(`[data-kind=avatar] input`, []string{wrong}),
		chromedp.Click("#save"), chromedp.WaitVisible("#avatar-note.error"))
	said := value(t, one, chromedp.Text("#avatar-note"))
	shoot(t, one, "7-refused.png")
	if said == "" {
		t.Error("the refusal has no words")
	}
	t.Logf("the page says: %s", said)
	step(t, one, "cancel", chromedp.Click("#cancel"), chromedp.WaitNotVisible("#dialog"), size(1280, 900, true))
	if still := src(t, one, ""); still != first {
		t.Errorf("the old avatar went: %s", still)
	}
	shoot(t, one, "8-wide-dark.png")
}

// clear empties a field, as a person does who selects all and types over it.
func clear(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := chromedp.Evaluate[bool](`(document.querySelector("`+selector+`").value = "", true)`)(ctx, tab)
		return err
	})
}
