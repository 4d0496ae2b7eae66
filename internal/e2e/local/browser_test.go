package local_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// file writes data where a file chooser finds it.
func file(t *testing.T, name string, data []byte) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{path}
}

// site is a running server, or the one that AVATARKIT_TEST_URL names.
func site(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("AVATARKIT_TEST_URL"); url != "" {
		return url
	}
	return start(t).url
}

func TestBrowser(t *testing.T) {
	url := site(t)
	photo, banner := file(t, "photo.jpg", sideways(t, 1200, 900)), file(t, "banner.jpg", scenery(t))
	one := browser(t)
	step(t, one, "open", size(1280, 900, false), chromedp.Navigate(url), chromedp.WaitVisible("#username"))
	shoot(t, one, "01-welcome.png")
	step(t, one, "sign in", chromedp.SendKeys("#username", "andrew\r"), chromedp.WaitVisible("#edit"))
	shoot(t, one, "02-empty.png")
	step(t, one, "post", chromedp.SendKeys("#message", "The first crud. <b>Not bold</b>"), chromedp.Click("#post button"),
		chromedp.WaitVisible("#activities li"))
	if html := value(t, one, chromedp.Text(".message")); html != "The first crud. <b>Not bold</b>" {
		t.Errorf("the crud reads %q", html)
	}

	two, stop := chromedp.NewContext(one) // a second window, not signed in
	defer stop()
	open(t, two)
	step(t, two, "second window", chromedp.Navigate(url+"/@andrew"), chromedp.WaitVisible("#profile"), size(1280, 900, false))
	if !value(t, two, chromedp.Evaluate[bool](`document.getElementById("edit").hidden`)) {
		t.Error("a window that is not signed in shows the edit button")
	}
	shoot(t, two, "03-stranger.png")

	step(t, one, "open the form", chromedp.Click("#edit"), chromedp.WaitVisible("#dialog"))
	shoot(t, one, "04-form-empty.png")
	step(t, one, "edit", clear("#display-name"), chromedp.SendKeys("#display-name", "Andrew Brown"),
		chromedp.SendKeys("#bio-text", "Cloud things, and pictures that stand upright."),
		chromedp.SetUploadFiles(`[data-kind=avatar] input`, photo), chromedp.SetUploadFiles(`[data-kind=banner] input`, banner),
		chromedp.WaitVisible(`[data-kind=avatar] canvas`), chromedp.WaitVisible(`[data-kind=banner] canvas`))
	shoot(t, one, "05-form.png")
	step(t, one, "save", chromedp.Click("#save"), chromedp.WaitNotVisible("#dialog"))
	first := src(t, one, "")
	if second := src(t, two, ""); second != first {
		t.Errorf("the second window shows %s, the first %s", second, first)
	}
	if name := value(t, two, chromedp.Text("#name")); name != "Andrew Brown" {
		t.Errorf("the second window shows the name %q", name)
	}
	step(t, one, "post more", chromedp.SendKeys("#message", "A second one, which is a good deal longer and so shows how the lines of a crud break when there is more to say."),
		chromedp.Click("#post button"), chromedp.WaitVisible("#activities li:nth-child(2)"))
	shoot(t, one, "06-wide-light.png")
	step(t, one, "wide dark", size(1280, 900, true))
	shoot(t, one, "07-wide-dark.png")
	step(t, one, "narrow", size(390, 844, false))
	shoot(t, one, "08-narrow-light.png")
	step(t, one, "narrow dark", size(390, 844, true))
	shoot(t, one, "09-narrow-dark.png")
	step(t, one, "narrow form", chromedp.Click("#edit"), chromedp.WaitVisible("#dialog"))
	shoot(t, one, "10-narrow-form.png")
	step(t, one, "smallest", size(320, 568, false))
	const wide = `[...document.querySelectorAll("body, dialog, dialog *, main *, .bar *")].filter((e) => !e.closest(".hidden, label") &&
		e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((e) => e.id || e.className || e.tagName).join(" ")`
	if got := value(t, one, chromedp.Evaluate[string](wide)); got != "" {
		t.Errorf("a window of 320 pixels scrolls sideways (WCAG 2.2, 1.4.10): %s", got)
	}
	shoot(t, one, "11-smallest-form.png")
	step(t, one, "wide form", size(1280, 900, true))
	shoot(t, one, "12-form-dark.png")
	step(t, one, "remove", chromedp.Click("[data-kind=banner] .remove"), chromedp.WaitNotVisible("[data-kind=banner] .preview img"))
	step(t, one, "close", chromedp.Click("#cancel"), chromedp.WaitNotVisible("#dialog"))
	if !value(t, one, chromedp.Evaluate[bool](`document.querySelector("#banner img").hidden`)) {
		t.Error("the banner is still there after it was removed")
	}
	if still := src(t, one, ""); still != first {
		t.Errorf("the avatar went with the banner: %s", still)
	}
}

// TestBrowserUpload slows the network down to see the progress, cancels, and has files refused.
func TestBrowserUpload(t *testing.T) {
	tab := browser(t)
	step(t, tab, "sign in", size(1280, 900, false), chromedp.Navigate(site(t)), chromedp.SendKeys("#username", "andrew\r"),
		chromedp.WaitVisible("#edit"), chromedp.Click("#edit"), chromedp.WaitVisible("#dialog"))
	said := func() string { return value(t, tab, chromedp.Text("#avatar-note")) }
	choose := func(name string, data []byte) chromedp.Action[chromedp.Void] {
		return chromedp.SetUploadFiles(`[data-kind=avatar] input`, file(t, name, data))
	}

	step(t, tab, "slow", call(network.Enable, network.EnableParams{}), upload(150_000),
		choose("large.jpg", noise(t)), chromedp.WaitVisible(`[data-kind=avatar] canvas`), chromedp.Click("#save"))
	seen := map[float64]bool{}
	for end := time.Now().Add(20 * time.Second); len(seen) < 3 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if v := value(t, tab, chromedp.Evaluate[float64](`document.querySelector("[data-kind=avatar] progress").value`)); v > 0 && v < 100 {
			seen[v] = true
		}
	}
	if len(seen) < 3 {
		t.Errorf("the progress bar showed only %v", seen)
	}
	shoot(t, tab, "20-progress.png")
	step(t, tab, "cancel", chromedp.Click("#cancel"), chromedp.WaitVisible("#avatar-note"))
	if got := said(); got != "The upload was cancelled." {
		t.Errorf("after cancelling the page says %q", got)
	}
	if !value(t, tab, chromedp.Evaluate[bool](`document.getElementById("dialog").open && document.querySelector("#avatar img").hidden`)) {
		t.Error("after cancelling the form is gone, or a picture is there")
	}
	shoot(t, tab, "21-cancelled.png")

	refusals := []struct {
		name string
		data []byte
		say  string
	}{
		{"text.jpg", []byte("this is text and no picture"), "not a picture that we can read"},
		{"empty.jpg", nil, "The file is empty"},
		{"drawing.svg", []byte("<svg/>"), "choose a JPEG, PNG, GIF or WebP"},
		{"bomb.png", bomb(20000, 20000), "too many pixels"},
		{"huge.jpg", make([]byte, 60<<20), "too large. The limit is"},
		{"png.jpg", pngBytes(t), "not what its name says"},
	}
	step(t, tab, "fast", upload(-1))
	for _, r := range refusals {
		step(t, tab, r.name, choose(r.name, r.data))
		if got := said(); !strings.Contains(got, r.say) {
			step(t, tab, r.name+" sent", chromedp.Click("#save"), chromedp.WaitVisible("#avatar-note.error"))
			if got = said(); !strings.Contains(got, r.say) {
				t.Errorf("%s: the page says %q", r.name, got)
			}
		}
	}
	shoot(t, tab, "22-refused.png")
	step(t, tab, "name", clear("#display-name"), chromedp.SendKeys("#display-name", " "), chromedp.Click("#save"), chromedp.WaitVisible("#name-error"))
	shoot(t, tab, "23-invalid.png")
	step(t, tab, "a good one at last", clear("#display-name"), chromedp.SendKeys("#display-name", "Andrew"), choose("good.jpg", smallPhoto(t)),
		chromedp.WaitVisible(`[data-kind=avatar] canvas`), chromedp.Click("#save"), chromedp.WaitNotVisible("#dialog"))
	src(t, tab, "")
}

// upload limits what the browser sends, in bytes a second; -1 lifts the limit.
func upload(rate float64) chromedp.Action[chromedp.Void] {
	return call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: rate}},
	})
}

// TestBrowserKeyboard goes from the address bar to a changed name with keys alone.
func TestBrowserKeyboard(t *testing.T) {
	tab := browser(t)
	step(t, tab, "open", size(1280, 900, false), chromedp.Navigate(site(t)), chromedp.WaitVisible("#username"))
	focus := func() string {
		return value(t, tab, chromedp.Evaluate[string](`(() => { const e = document.activeElement; return e.id || e.textContent.trim().slice(0, 20) || e.tagName })()`))
	}
	walk := func(want ...string) {
		t.Helper()
		for _, w := range want {
			step(t, tab, "Tab to "+w, chromedp.KeyEvent(kb.Tab))
			if got := focus(); got != w {
				t.Fatalf("Tab goes to %q, want %q", got, w)
			}
		}
	}
	walk("Skip to the profile", "Cruddur", "username")
	step(t, tab, "sign in", chromedp.KeyEvent("andrew\r"), chromedp.WaitVisible("#edit"))
	if got := focus(); got != "main" {
		t.Errorf("after signing in the focus is on %q", got)
	}
	walk("edit")
	shoot(t, tab, "30-focus.png")
	step(t, tab, "open the form", chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#dialog"))
	if got := focus(); got != "display-name" {
		t.Errorf("in the form the focus is on %q", got)
	}
	walk("bio-text", "cancel", "save")
	step(t, tab, "Escape", chromedp.KeyEvent(kb.Escape), chromedp.WaitNotVisible("#dialog"))
	if got := focus(); got != "edit" {
		t.Errorf("after Escape the focus is on %q", got)
	}
	step(t, tab, "again", chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#dialog"),
		clear("#display-name"), chromedp.KeyEvent("Grace Hopper\r"), chromedp.WaitNotVisible("#dialog"))
	if name := value(t, tab, chromedp.Text("#name")); name != "Grace Hopper" {
		t.Errorf("the name is %q", name)
	}
	if got := focus(); got != "edit" {
		t.Errorf("after saving the focus is on %q", got)
	}
	walk("message")
}

// TestBrowserScreenReader reads what a screen reader is told.
func TestBrowserScreenReader(t *testing.T) {
	tab := browser(t)
	step(t, tab, "sign in", chromedp.Navigate(site(t)), chromedp.SendKeys("#username", "andrew\r"), chromedp.WaitVisible("#edit"),
		chromedp.SendKeys("#message", "Hello"), chromedp.Click("#post button"), chromedp.WaitVisible("#activities li"))
	hears := func(state string, want ...string) {
		t.Helper()
		tree := spoken(t, tab)
		for _, w := range want {
			if !slices.Contains(tree, w) {
				t.Errorf("%s: a screen reader does not hear %q in %q", state, w, tree)
			}
		}
	}
	hears("page", "banner ", "main ", "link Cruddur", "heading andrew", "image Avatar of andrew", "button Edit profile", "button Sign out",
		"textbox What is on your mind?", "heading Cruds", "list ", "listitem ", "status ")
	step(t, tab, "form", chromedp.Click("#edit"), chromedp.WaitVisible("#dialog"))
	hears("form", "dialog Edit profile", "heading Edit profile", "group Banner", "group Avatar", "button Choose banner", "button Choose avatar",
		"textbox Name", "textbox Bio", "button Close", "button Cancel", "button Save", "status ")
	if slices.Contains(spoken(t, tab), "button Edit profile") {
		t.Error("a screen reader reaches what lies behind the form")
	}
	step(t, tab, "error", clear("#display-name"), chromedp.Click("#save"), chromedp.WaitVisible("#name-error"))
	hears("error", "alert ")
	const described = `document.getElementById("display-name").ariaInvalid === "true" && document.activeElement.id === "display-name"`
	if !value(t, tab, chromedp.Evaluate[bool](described)) {
		t.Error("the faulty field is not marked, or not where the focus is")
	}
}

// spoken is the accessibility tree, each node as "role name".
func spoken(t *testing.T, tab context.Context) []string {
	t.Helper()
	var tree accessibility.GetFullAXTreeResult
	step(t, tab, "read the accessibility tree", chromedp.Func(func(ctx context.Context, target *chromedp.Target) (err error) {
		tree, err = cdp.Call(ctx, target, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		return err
	}))
	var nodes []string
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		name := ""
		if n.Name != nil {
			name = strings.Trim(string(n.Name.Value), `"`)
		}
		nodes = append(nodes, strings.Trim(string(n.Role.Value), `"`)+" "+name)
	}
	return nodes
}

// noise is a JPEG that hardly compresses, of some 2 MB.
func noise(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 1400, 1000))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = uint8(random.Uint32())
	}
	return encode(t, m)
}

// scenery is a picture for the banner that looks like one.
func scenery(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 1500, 700))
	for y := range 700 {
		for x := range 1500 {
			c := color.RGBA{uint8(60 + y/4), uint8(90 + y/6), uint8(170 - y/9), 255}
			if dx, dy := x-1050, y-330; dx*dx+dy*dy < 90*90 {
				c = color.RGBA{255, 214, 140, 255}
			}
			if hill := 430 - (x-500)*(x-500)/4200; y > hill {
				c = color.RGBA{38, uint8(70 + x/40), 78, 255}
			}
			if hill := 520 - (x-1300)*(x-1300)/9000; y > hill {
				c = color.RGBA{24, uint8(46 + x/50), 58, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return encode(t, m)
}

// pngBytes is a PNG, to be given another name.
func pngBytes(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, photo(64, 64)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encode(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
