package local_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// request makes one request with an Authorization header, "" for none, and returns the answer with its body read.
func request(t *testing.T, method, url, authorization, body string, edit func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	if edit != nil {
		edit(req)
	}
	res, err := http.DefaultTransport.RoundTrip(req) // no redirects
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(data)
}

// TestAuthorization has the seed's first regression case, and the challenge of RFC 6750, section 3.
func TestAuthorization(t *testing.T) {
	s := start(t)
	token := signIn(t, s, "andrew").token
	tests := []struct {
		name, header, challenge, code string
		status                        int
	}{
		{"Bearer", "Bearer " + token, "", "", 200},
		{"lower case", "bearer " + token, "", "", 200},
		{"two spaces", "Bearer  " + token, "", "", 200},
		{"no scheme", token, "Bearer", "missing_token", 401},
		{"no token", "Bearer", `Bearer error="invalid_request"`, "invalid_request", 400},
		{"two tokens", "Bearer " + token + " b", `Bearer error="invalid_request"`, "invalid_request", 400},
		{"Basic", "Basic " + token, "Bearer", "missing_token", 401},
		{"absent", "", "Bearer", "missing_token", 401},
		{"another signature", "Bearer " + token[:len(token)-4] + "AAAA", `Bearer error="invalid_token"`, "", 401},
		{"not a token", "Bearer xyz", `Bearer error="invalid_token"`, "", 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, body := request(t, "GET", s.url+"/api/profile", tt.header, "", nil)
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", res.StatusCode, tt.status, body)
			}
			if got := res.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, tt.challenge) {
				t.Errorf("challenge %q, want %q", got, tt.challenge)
			}
			if tt.code != "" && !strings.Contains(body, `"code":"`+tt.code+`"`) {
				t.Errorf("body %s, want code %s", body, tt.code)
			}
			if strings.Contains(body, token) {
				t.Error("the answer repeats the token")
			}
		})
	}
}

// TestProfile has the seed's sixth regression case.
func TestProfile(t *testing.T) {
	s := start(t)
	p := signIn(t, s, "andrew")
	bearer := "Bearer " + p.token
	const update = "/api/profile/update"
	tests := []struct {
		name, method, path, body string
		status                   int
		contains                 string
	}{
		{"own", "GET", "/api/profile", "", 200, `"can_edit":true`},
		{"public", "GET", "/api/activities/@andrew", "", 200, `"activities":[]`},
		{"handle in other case", "GET", "/api/activities/@ANDREW", "", 200, `"handle":"andrew"`},
		{"unknown handle", "GET", "/api/activities/@nobody", "", 404, `"code":"not_found"`},
		{"blank handle", "GET", "/api/activities/@", "", 400, `"code":"invalid_handle"`},
		{"handle of spaces", "GET", "/api/activities/@%20%20", "", 404, `"code":"not_found"`},
		{"bad cursor", "GET", "/api/activities/@andrew?after=x", "", 400, `"code":"invalid_cursor"`},
		{"POST name", "POST", update, `{"display_name":" Andrew  Brown "}`, 200, `"display_name":"Andrew Brown"`},
		{"PATCH bio", "PATCH", update, `{"bio":"hello"}`, 200, `"display_name":"Andrew Brown","bio":"hello"`},
		{"absent bio stays", "PATCH", update, `{"display_name":"Andrew"}`, 200, `"bio":"hello"`},
		{"null clears the bio", "PATCH", update, `{"bio":null}`, 200, `"bio":""`},
		{"empty clears the bio", "PATCH", update, `{"bio":""}`, 200, `"bio":""`},
		{"empty object", "PATCH", update, `{}`, 200, `"display_name":"Andrew"`},
		{"blank name", "PATCH", update, `{"display_name":"   "}`, 422, `"field":"display_name","code":"required"`},
		{"empty name", "PATCH", update, `{"display_name":""}`, 422, `"field":"display_name","code":"required"`},
		{"null name", "PATCH", update, `{"display_name":null}`, 422, `"field":"display_name","code":"required"`},
		{"name of a number", "PATCH", update, `{"display_name":7}`, 422, `"code":"wrong_type"`},
		{"long name", "PATCH", update, `{"display_name":"` + strings.Repeat("x", 51) + `"}`, 422, `"code":"too_long","limit":50,"got":51`},
		{"name of 100 k", "PATCH", update, `{"display_name":"` + strings.Repeat("x", 100_000) + `"}`, 413, `"code":"too_large"`},
		{"bio of 2 MB", "PATCH", update, `{"bio":"` + strings.Repeat("x", 2<<20) + `"}`, 413, `"code":"too_large"`},
		{"direction override", "PATCH", update, `{"display_name":"a\u202eb"}`, 422, `"code":"invalid_characters"`},
		{"another's subject", "PATCH", update, `{"cognito_user_uuid":"x"}`, 422, `"code":"unknown_field"`},
		{"not JSON", "PATCH", update, `bio=x`, 400, `"code":"malformed"`},
		{"PUT", "PUT", update, `{"bio":"x"}`, 405, `"code":"method_not_allowed"`},
		{"empty crud", "POST", "/api/activities", `{"message":" "}`, 422, `"field":"message","code":"required"`},
		{"reply to nothing", "POST", "/api/activities", `{"message":"x","reply_to":"y"}`, 404, `"code":"not_found"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, body := request(t, tt.method, s.url+tt.path, bearer, tt.body, nil)
			if res.StatusCode != tt.status || !strings.Contains(body, tt.contains) {
				t.Errorf("status %d, want %d with %s: %.400s", res.StatusCode, tt.status, tt.contains, body)
			}
			if want := "application/json"; tt.status == 200 && res.Header.Get("Content-Type") != want {
				t.Errorf("Content-Type %q", res.Header.Get("Content-Type"))
			}
			if tt.status == 405 && res.Header.Get("Allow") != "PATCH, POST" {
				t.Errorf("Allow %q", res.Header.Get("Allow"))
			}
		})
	}
	t.Run("never the subject or a row id", func(t *testing.T) {
		_, body := request(t, "GET", s.url+"/api/activities/@andrew", "", "", nil)
		if strings.Contains(body, `"subject"`) || strings.Contains(body, "cognito") || strings.Contains(body, `"uuid"`) {
			t.Error(body)
		}
	})
	t.Run("handle that is taken", func(t *testing.T) {
		_, body := request(t, "GET", s.url+"/api/profile", "Bearer "+signIn(t, s, "Andrew").token, "", nil)
		if !strings.Contains(body, `"handle":"andrew2"`) {
			t.Error(body)
		}
	})
}

// TestTwoEdits edits one version twice: the second is told, and changes nothing.
func TestTwoEdits(t *testing.T) {
	s := start(t)
	bearer := "Bearer " + signIn(t, s, "andrew").token
	res, _ := request(t, "GET", s.url+"/api/profile", bearer, "", nil)
	etag := res.Header.Get("ETag")
	edit := func(bio, match string) (*http.Response, string) {
		return request(t, "PATCH", s.url+"/api/profile/update", bearer, `{"bio":"`+bio+`"}`, func(r *http.Request) {
			if match != "" {
				r.Header.Set("If-Match", match)
			}
		})
	}
	first, _ := edit("first", etag)
	if next := first.Header.Get("ETag"); first.StatusCode != 200 || next == etag || next == "" {
		t.Fatalf("status %d, ETag %q after %q", first.StatusCode, next, etag)
	}
	for _, match := range []string{etag, "W/" + first.Header.Get("ETag"), `"x"`} {
		if second, body := edit("second", match); second.StatusCode != 412 || !strings.Contains(body, `"code":"edited_meanwhile"`) {
			t.Errorf("If-Match %s: status %d: %s", match, second.StatusCode, body)
		}
	}
	for _, match := range []string{first.Header.Get("ETag") + `, "x"`, "*"} {
		if res, body := edit("third", match); res.StatusCode != 200 || !strings.Contains(body, `"bio":"third"`) {
			t.Errorf("If-Match %s: status %d: %s", match, res.StatusCode, body)
		}
	}
}
