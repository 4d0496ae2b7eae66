package pictures_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/internal/e2e/component"
)

// page draws every picture at 24 by 24 pixels and writes what it sees into its text: width, height and the samples.
const page = `<!doctype html><p id=result></p><script>
(async () => {
	const seen = [];
	for (const path of PATHS) {
		const image = new Image();
		image.src = path;
		try { await image.decode(); } catch { seen.push(null); continue; }
		const canvas = new OffscreenCanvas(24, 24), context = canvas.getContext("2d");
		context.fillStyle = "#fff";
		context.fillRect(0, 0, 24, 24);
		context.imageSmoothingQuality = "high";
		context.drawImage(image, 0, 0, 24, 24);
		seen.push({ width: image.naturalWidth, height: image.naturalHeight, pixels: [...context.getImageData(0, 0, 24, 24).data] });
	}
	document.getElementById("result").textContent = JSON.stringify(seen);
})();
</script>`

type seen struct {
	Width, Height int
	Pixels        []int
}

// look lets Chromium show pictures.
func look(t *testing.T, pictures [][]byte) []*seen {
	t.Helper()
	chromium := component.Program(t, "chromium", "/usr/bin/chromium", "/usr/bin/google-chrome")
	paths := make([]string, len(pictures))
	mux := http.NewServeMux()
	for i, data := range pictures {
		paths[i] = fmt.Sprintf("/%d", i)
		mux.HandleFunc(paths[i], func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil // the browser is to find out, as we do
			w.Write(data)
		})
	}
	list, err := json.Marshal(paths)
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Replace(page, "PATHS", string(list), 1))
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	allocator, stop := chromedp.NewExecAllocator(t.Context(), chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	defer stop()
	tab, stopTab := chromedp.NewContext(allocator)
	defer stopTab()
	tab, stopTimer := context.WithTimeout(tab, 3*time.Minute)
	defer stopTimer()
	if err := chromedp.Do(tab, chromedp.Navigate(server.URL+"/page")); err != nil {
		t.Fatal(err)
	}
	var text string
	for text == "" {
		if text, err = chromedp.Run(tab, chromedp.Evaluate[string](`document.getElementById("result").textContent`)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	var all []*seen
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBrowserShowsTheSame compares what a browser shows of each source with what it shows of the picture that was made of it: as large, upright and coloured the
// same, also where the file is damaged.
func TestBrowserShowsTheSame(t *testing.T) {
	files := sources(t)
	names := slices.Sorted(maps.Keys(files))
	var pictures [][]byte
	for _, name := range names {
		_, pic := render(t, files[name], avatar.JPEG{Quality: 95})
		pictures = append(pictures, files[name], pic.Data)
	}
	all := look(t, pictures)
	for i, name := range names {
		source, ours := all[2*i], all[2*i+1]
		if source == nil || ours == nil {
			t.Errorf("%s: the browser shows the source %v, the result %v", name, source != nil, ours != nil)
			continue
		}
		if source.Width != ours.Width || source.Height != ours.Height {
			t.Errorf("%s: the browser says %dx%d, and %dx%d of ours", name, source.Width, source.Height, ours.Width, ours.Height)
		}
		if strings.HasSuffix(name, "cut short") { // what is missing is grey, and nothing in the browser
			source.Pixels = source.Pixels[:len(source.Pixels)/2]
		}
		sum := 0
		for k := range source.Pixels {
			sum += max(source.Pixels[k]-ours.Pixels[k], ours.Pixels[k]-source.Pixels[k])
		}
		if mean := float64(sum) / float64(len(source.Pixels)); mean > 3 {
			t.Errorf("%s: the samples differ by %.1f on average", name, mean)
		}
	}
}
