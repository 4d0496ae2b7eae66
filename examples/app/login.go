package app

import (
	"encoding/json"
	"errors"
	"net/http"
)

// DevLogin signs in whoever asks, with tokens of an embedded issuer. Never mount it where strangers come.
func DevLogin(accessToken, idToken func(username string) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := devLogin(w, r, accessToken, idToken); err != nil {
			var p *problem
			if !errors.As(err, &p) {
				p = fail(http.StatusInternalServerError, "internal", "something went wrong on our side")
			}
			p.write(w)
		}
	})
}

func devLogin(w http.ResponseWriter, r *http.Request, accessToken, idToken func(string) string) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var req struct {
		Username string `json:"username"`
	}
	if err := json.Unmarshal(body, &req); err != nil || req.Username == "" || len(req.Username) > 128 {
		return fail(http.StatusBadRequest, "malformed", `send JSON such as {"username":"andrew"}`)
	}
	return writeJSON(w, http.StatusOK, map[string]string{
		"access_token": accessToken(req.Username), "id_token": idToken(req.Username), "token_type": "Bearer",
	})
}
