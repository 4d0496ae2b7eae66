package app_test

import (
	"os"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/profile"
)

// TestPageHasWordsForEveryRefusal keeps the page's plain words in step with the codes of the packages.
func TestPageHasWordsForEveryRefusal(t *testing.T) {
	script, err := os.ReadFile("page/app.js")
	if err != nil {
		t.Fatal(err)
	}
	codes := []string{
		// this service
		"malformed", "unauthorized", "not_found", "edited_meanwhile", "too_large", "unsupported_type", "rate_limited", "internal", "unavailable",
		// package localstore
		"too_small", "incomplete", "bad_signature", "expired", "timeout", "exists", "content_type", "sha256",
		// package profile
		profile.CodeRequired, profile.CodeTooShort, profile.CodeTooLong, profile.CodeTooManyBytes, profile.CodeInvalidChars,
	}
	for _, reason := range []avatar.Reason{
		avatar.ReasonEmpty, avatar.ReasonTooManyBytes, avatar.ReasonTooManyPixels, avatar.ReasonUnsupportedFormat, avatar.ReasonCorrupt,
		avatar.ReasonDimensions, avatar.ReasonTimeout, avatar.ReasonModerated, avatar.ReasonInvalidKey, avatar.ReasonTypeMismatch, avatar.ReasonPoison,
	} {
		codes = append(codes, string(reason))
	}
	for _, code := range codes {
		if !strings.Contains(string(script), "\n  "+code+": \"") {
			t.Errorf("the page has no words for %s", code)
		}
	}
}
