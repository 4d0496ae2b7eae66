package local_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a running process of the built binary.
type server struct {
	url string
	cmd *exec.Cmd
	log *safeBuffer
}

// build makes the binary as "go run ./examples/local" does, and buildCloud the one with -tags cloud.
var (
	build      = sync.OnceValues(func() (string, error) { return compile("avatarkit-local-test") })
	buildCloud = sync.OnceValues(func() (string, error) { return compile("avatarkit-local-cloud-test", "-tags", "cloud") })
)

func compile(name string, flags ...string) (string, error) {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(strings.TrimSpace(string(out)), name)
	args := append([]string{"build", "-o", bin}, flags...)
	msg, err := exec.Command("go", append(args, "github.com/cruddur/avatarkit/examples/local")...).CombinedOutput()
	if err != nil {
		err = &buildError{string(msg)}
	}
	return bin, err
}

type buildError struct{ output string }

func (e *buildError) Error() string { return "build: " + e.output }

// start builds and runs examples/local on a free port, until the test ends.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return run(t, bin, nil, args...)
}

// run runs the binary with more environment variables.
func run(t *testing.T, bin string, env []string, args ...string) *server {
	t.Helper()
	s := &server{cmd: exec.Command(bin, append([]string{"-addr", "localhost:0"}, args...)...), log: &safeBuffer{}}
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended
		_ = s.cmd.Wait()
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.log)
		}
	})
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "Serving on "); ok {
				address <- url
			}
		}
	}()
	select {
	case s.url = <-address:
	case <-time.After(30 * time.Second):
		t.Fatal("the server did not print its address")
	}
	return s
}

// kill ends the process as a crash does: with no chance to do anything.
func (s *server) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // it was killed
}

// safeBuffer is a buffer that the process writes while a test reads.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// photo is red in the upper half of what the pixels show, green lower left and blue lower right.
func photo(width, height int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{200, uint8(x * 40 / width), uint8(y * 40 / height), 255}
			if y >= height/2 {
				c = color.RGBA{20, 180, uint8(x * 40 / width), 255}
				if x >= width/2 {
					c = color.RGBA{20, uint8(y * 40 / height), 190, 255}
				}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

// sideways is a JPEG as a phone makes it: the picture lies on its side, EXIF says 6 (turn 90 degrees clockwise), and there is a GPS tag.
func sideways(t testing.TB, width, height int) []byte {
	t.Helper()
	upright := photo(height, width)
	lying := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			lying.Set(x, y, upright.At(height-1-y, x))
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, lying, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	return withEXIF(buf.Bytes(), 6)
}

// withEXIF puts an APP1 segment with the orientation and a GPS latitude behind the SOI marker.
func withEXIF(data []byte, orientation uint16) []byte {
	le := binary.LittleEndian
	tiff := []byte{'I', 'I', 42, 0, 8, 0, 0, 0, 2, 0}
	tiff = append(tiff, entry(0x0112, 3, 1, uint32(orientation))...)
	tiff = append(tiff, entry(0x8825, 4, 1, 38)...) // the GPS directory follows the first one
	tiff = append(tiff, 0, 0, 0, 0)
	tiff = append(tiff, 1, 0)
	tiff = append(tiff, entry(1, 2, 2, uint32('N'))...) // GPSLatitudeRef
	tiff = le.AppendUint32(tiff, 0)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{0xff, 0xd8, 0xff, 0xe1}, 0, 0)
	binary.BigEndian.PutUint16(out[4:], uint16(len(segment)+2))
	out = append(out, segment...)
	return append(out, data[2:]...)
}

func entry(tag, kind uint16, count, value uint32) []byte {
	b := binary.LittleEndian.AppendUint16(nil, tag)
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint32(b, count)
	return binary.LittleEndian.AppendUint32(b, value)
}
