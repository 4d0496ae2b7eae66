package pictures_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/avatar/avif"
	"github.com/cruddur/avatarkit/avatar/webp"
	"github.com/cruddur/avatarkit/internal/e2e/component"
)

// TestSharpReadsTheResult lets libvips decode every output, and name the metadata that it finds.
func TestSharpReadsTheResult(t *testing.T) {
	const script = `
		const sharp = require("sharp");
		(async () => {
			const found = [];
			for (const path of JSON.parse(require("node:fs").readFileSync(0))) {
				const { format, width, height, hasAlpha, orientation, exif, icc, iptc, xmp } = await sharp(path, { failOn: "warning" }).metadata();
				const { data } = await sharp(path, { failOn: "warning" }).flatten({ background: "#fff" }).toColourspace("srgb").resize(2, 2, { fit: "fill", kernel: "nearest" }).raw().toBuffer({ resolveWithObject: true });
				const kept = Object.entries({ orientation, exif, icc, iptc, xmp }).filter(([, v]) => v !== undefined).map(([k]) => k);
				found.push({ format, width, height, hasAlpha, kept, quarters: [...data] });
			}
			console.log(JSON.stringify(found));
		})();`
	sharp := component.NodePackage(t, "sharp")
	node := component.Program(t, "node")
	encoders := []struct {
		encoder avatar.Encoder
		format  string
	}{{avatar.JPEG{}, "jpeg"}, {avatar.PNG{}, "png"}, {webp.Encoder{}, "webp"}, {webp.Encoder{Lossless: true}, "webp"}, {avif.Encoder{}, "heif"}}
	dir := t.TempDir()
	var paths []string
	for i, e := range encoders {
		_, pic := render(t, jpegWith(t, 6), e.encoder)
		path := filepath.Join(dir, string(rune('a'+i))+"."+pic.Ext)
		if err := os.WriteFile(path, pic.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	list, err := json.Marshal(paths)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "-e", script)
	cmd.Dir = filepath.Dir(filepath.Dir(sharp))
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(list), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sharp: %v\n%s", err, &stderr)
	}
	var found []struct {
		Format        string
		Width, Height int
		HasAlpha      bool
		Kept          []string
		Quarters      []int
	}
	if err := json.Unmarshal(out, &found); err != nil || len(found) != len(encoders) {
		t.Fatalf("%v: %s", err, out)
	}
	// Turned a quarter to the right: blue is now above red, and white above green.
	want := []int{0, 0, 255, 255, 0, 0, 255, 255, 255, 0, 255, 0}
	for i, e := range encoders {
		f := found[i]
		if f.Format != e.format || f.Width != 96 || f.Height != 160 || f.HasAlpha || len(f.Kept) > 0 {
			t.Errorf("%T: sharp says %+v", e.encoder, f)
		}
		for k, v := range want {
			if d := f.Quarters[k] - v; d > 30 || d < -30 {
				t.Errorf("%T: the quarters are %v, want %v", e.encoder, f.Quarters, want)
				break
			}
		}
	}
}
