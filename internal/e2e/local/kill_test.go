package local_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// acknowledged is what the server said yes to before it was killed.
type acknowledged struct {
	mu      sync.Mutex
	uploads []ackedUpload
	cruds   map[string][]string // by person
}

type ackedUpload struct {
	person, id string
	good       bool
}

// TestKill kills the process at random moments while people upload and post. After the next start each acknowledged upload is published,
// or rejected with a reason, each person's current picture is the newest good one, and each acknowledged crud is there.
func TestKill(t *testing.T) {
	const people = 4
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	acked := &acknowledged{cruds: map[string][]string{}}
	good, bad := smallPhoto(t), []byte("this is text and no picture")
	total := 0
	for round := range rounds {
		s := start(t, "-data", dir)
		var working sync.WaitGroup
		for i := range people {
			p := signIn(t, s, fmt.Sprintf("person%d", i))
			working.Go(func() { p.untilKilled(fmt.Sprintf("person%d", i), acked, good, bad) })
		}
		// From before the first grant is used to the middle of many uploads.
		wait := time.Duration(rand.Int64N(int64(600 * time.Millisecond)))
		time.Sleep(wait)
		s.kill(t)
		working.Wait()
		t.Logf("round %d: killed after %v with %d uploads acknowledged", round, wait.Round(time.Millisecond), len(acked.uploads)-total)
		total = len(acked.uploads)
	}
	if total == 0 {
		t.Fatal("no upload was acknowledged: the test shows nothing")
	}

	s := start(t, "-data", dir)
	who := map[string]*person{}
	newest := map[string]string{}
	for i := range people {
		name := fmt.Sprintf("person%d", i)
		who[name] = signIn(t, s, name)
	}
	for _, u := range acked.uploads {
		if u.good {
			newest[u.person] = max(newest[u.person], u.id)
		}
	}
	// First what comes about by itself: asking for the state of an upload would have it processed.
	acked.areHandled(t, dir)
	for name, p := range who {
		p.current(name, newest[name])
		p.hasCruds(name, acked.cruds[name])
	}
	for _, u := range acked.uploads {
		got := who[u.person].outcome(u.id, 60*time.Second)
		switch {
		case u.good && got.State != "ready":
			t.Errorf("acknowledged upload %s is %q %q", u.id, got.State, got.Reason)
		case !u.good && (got.State != "rejected" || got.Reason == ""):
			t.Errorf("acknowledged bad upload %s is %q %q", u.id, got.State, got.Reason)
		}
	}
	t.Logf("%d uploads in %d rounds", total, rounds)
	for name, p := range who {
		p.leavesNothing(name, dir, acked)
	}
}

// areHandled waits until each upload has a record in the folder, and ends the test as soon as nobody has written one for a while.
func (a *acknowledged) areHandled(t *testing.T, dir string) {
	t.Helper()
	const patience = 10 * time.Second
	last, progress := len(a.uploads)+1, time.Now()
	for ; ; time.Sleep(50 * time.Millisecond) {
		var missing []string
		for _, u := range a.uploads {
			if u.subject(dir) == "" {
				missing = append(missing, u.id+" of "+u.person)
			}
		}
		switch {
		case len(missing) == 0:
			return
		case len(missing) < last:
			last, progress = len(missing), time.Now()
		case time.Since(progress) > patience:
			t.Fatalf("%d of %d acknowledged uploads were neither published nor rejected, and nothing happened for %v after the start:\n%s",
				len(missing), len(a.uploads), patience, strings.Join(missing, "\n"))
		}
	}
}

// subject is the person's name in the folder's keys, if the upload was published or rejected.
func (u ackedUpload) subject(dir string) string {
	records, _ := filepath.Glob(filepath.Join(dir, "uploads", "records", "avatars", "*", u.id+".json")) // the pattern is right
	if records == nil {
		return ""
	}
	return filepath.Base(filepath.Dir(records[0]))
}

// leavesNothing erases the person's pictures and looks for what the kills may have left: objects, and what was being written.
func (p *person) leavesNothing(name, dir string, acked *acknowledged) {
	p.t.Helper()
	i := slices.IndexFunc(acked.uploads, func(u ackedUpload) bool { return u.person == name })
	if i < 0 {
		return
	}
	subject := acked.uploads[i].subject(dir)
	p.json("DELETE", "/api/avatar", nil, 200, nil)
	for _, bucket := range []string{"uploads", "assets"} {
		err := filepath.WalkDir(filepath.Join(dir, bucket), func(path string, d fs.DirEntry, err error) error {
			// A kill between the two leaves attributes without an object: the driver does not show them, and they hold no picture.
			if err == nil && !d.IsDir() && strings.Contains(path, subject) && filepath.Ext(path) != ".attrs" {
				p.t.Errorf("%s was erased, and %s is left", name, path)
			}
			return err
		})
		if err != nil {
			p.t.Error(err)
		}
	}
}

// untilKilled uploads and posts until the server is gone.
func (p *person) untilKilled(name string, acked *acknowledged, good, bad []byte) {
	for n := 0; ; n++ {
		message := fmt.Sprintf("%s %d %d", name, n, rand.Int())
		if status, _ := p.try("POST", "/api/activities", map[string]string{"message": message}, nil); status == 0 {
			return
		} else if status == 201 {
			acked.mu.Lock()
			acked.cruds[name] = append(acked.cruds[name], message)
			acked.mu.Unlock()
		}
		data, isGood := good, n%4 != 3
		if !isGood {
			data = bad
		}
		var g grant
		switch status, _ := p.try("POST", "/avatars/key_upload", map[string]any{"content_type": "image/jpeg", "size": len(data)}, &g); status {
		case 200:
		case http.StatusTooManyRequests:
			time.Sleep(50 * time.Millisecond)
			continue
		default:
			return
		}
		req, err := http.NewRequest(g.Method, g.URL, bytes.NewReader(data))
		if err != nil {
			return
		}
		for header, value := range g.Headers {
			req.Header.Set(header, value)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		res.Body.Close()
		if res.StatusCode == 201 {
			acked.mu.Lock()
			acked.uploads = append(acked.uploads, ackedUpload{name, g.UploadID, isGood})
			acked.mu.Unlock()
		}
	}
}

// try makes a request of the API; status 0 means that the server is gone.
func (p *person) try(method, path string, body, out any) (status int, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err == nil && out != nil && res.StatusCode == 200 {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

// current checks that the person's picture is the upload with this id, or a later one whose acknowledgement was cut off, in the
// profile, at its own address and at the stable one.
func (p *person) current(name, id string) {
	p.t.Helper()
	var profile struct {
		URL      string            `json:"avatar_url"`
		Pictures map[string]string `json:"pictures"`
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		p.json("GET", "/api/profile", nil, 200, &profile)
		if profile.Pictures["avatar"] >= id {
			break
		}
	}
	if profile.Pictures["avatar"] < id {
		p.t.Errorf("%s shows upload %q, and %q was acknowledged later", name, profile.Pictures["avatar"], id)
		return
	}
	if id == "" {
		return
	}
	own := fetch(p.t, p.url+profile.URL)
	m, err := jpeg.Decode(bytes.NewReader(own))
	if err != nil || m.Bounds().Size() != image.Pt(512, 512) {
		p.t.Errorf("%s: the picture does not decode to 512x512: %v", name, err)
	}
}

func (p *person) hasCruds(name string, want []string) {
	p.t.Helper()
	got := map[string]bool{}
	for after := ""; ; {
		var page struct {
			Activities []struct {
				Message string `json:"message"`
			} `json:"activities"`
			Next string `json:"next"`
		}
		p.json("GET", "/api/activities/@"+name+"?limit=100&after="+after, nil, 200, &page)
		for _, a := range page.Activities {
			got[a.Message] = true
		}
		if after = page.Next; after == "" {
			break
		}
	}
	for _, message := range want {
		if !got[message] {
			p.t.Errorf("the acknowledged crud %q of %s is gone", message, name)
		}
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("GET: status %d, %v", res.StatusCode, err)
	}
	return data
}

// smallPhoto is quick to process: many of them are.
func smallPhoto(t *testing.T) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 600, 600))
	for i := range m.Pix {
		m.Pix[i] = color.Gray{Y: uint8(i % 251)}.Y
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
