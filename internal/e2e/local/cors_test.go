package local_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestErrorsCarryCORS sends every route something that it refuses, from a page of an allowed origin.
func TestErrorsCarryCORS(t *testing.T) {
	s := start(t, "-origins", "https://good.example")
	ask := func(method, path, origin string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		if method == http.MethodOptions {
			req.Header.Set("Access-Control-Request-Method", "POST")
			req.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	refused := map[string]int{
		"POST /avatars/key_upload": 401, "GET /api/profile": 401, "PUT /api/profile/update": 405, "GET /api/uploads/x": 401,
		"GET /nothing/here": 404, "GET /nothing": 404, "GET /api/activities/@nobody": 404, "GET /api/activities/x": 400,
		"GET /events": 401, "DELETE /api/avatar": 401, "POST /dev/login": 400, "GET /avatars/no!": 404, "GET /banners/nobody": 404,
		"PUT /uploads/x": 400, "POST /webhooks/avatar": 401, "POST /api/events/ticket": 401,
	}
	for _, route := range slices.Sorted(maps.Keys(refused)) {
		t.Run(route, func(t *testing.T) {
			method, path, _ := strings.Cut(route, " ")
			res := ask(method, path, "https://good.example")
			if res.StatusCode != refused[route] {
				t.Errorf("status %d, want %d", res.StatusCode, refused[route])
			}
			if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type %q", got)
			}
			if got := res.Header.Get("Access-Control-Allow-Origin"); got != "https://good.example" {
				t.Errorf("Access-Control-Allow-Origin %q", got)
			}
			if got := strings.Join(res.Header.Values("Vary"), ","); !strings.Contains(got, "Origin") {
				t.Errorf("Vary %q", got)
			}
			pre := ask(http.MethodOptions, path, "https://good.example")
			if pre.StatusCode/100 != 2 || pre.Header.Get("Access-Control-Allow-Origin") != "https://good.example" {
				t.Errorf("preflight: %d %v", pre.StatusCode, pre.Header)
			}
		})
	}
	for _, origin := range []string{"https://good.example.evil.com", "https://good.example:444", "http://good.example", "null", ""} {
		t.Run(fmt.Sprintf("origin %q", origin), func(t *testing.T) {
			if got := ask("GET", "/api/profile", origin).Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("Access-Control-Allow-Origin %q", got)
			}
		})
	}
}
