package lambda_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const probe = "github.com/cruddur/avatarkit/internal/e2e/lambda/probe"

// pid calls the probe and returns its process.
func pid(t *testing.T, f *instance) int {
	t.Helper()
	out, err := f.invoke([]byte(`{"do":"pid"}`))
	if err != nil {
		t.Fatal(err)
	}
	var r struct{ PID int }
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r.PID
}

// TestRuntime: the fake runtime keeps, kills and replaces processes as Lambda does.
func TestRuntime(t *testing.T) {
	f := deploy(t, bootstrap(t, probe), 2*time.Second)
	first := pid(t, f)
	if again := pid(t, f); again != first {
		t.Errorf("a warm call runs in process %d, want %d", again, first)
	}
	tests := []struct {
		name, payload, want string
		fresh               bool // the next call runs in a new process
	}{
		{"error", `{"do":"error"}`, "as ordered", false},
		{"malformed", `{"do":7}`, "errorType", false},
		{"panic", `{"do":"panic"}`, "as ordered", true},
		{"exit", `{"do":"exit"}`, "Runtime.ExitError", true},
		{"timeout", `{"do":"sleep"}`, "Task timed out", true},
		{"request too large", `{"do":"` + strings.Repeat("x", maxPayload) + `"}`, "RequestEntityTooLarge", false},
		{"largest request", `{"do":"` + strings.Repeat("x", maxPayload-9) + `"}`, "", false},
		{"response too large", fmt.Sprintf(`{"do":"large","bytes":%d}`, maxPayload), "Function.ResponseSizeTooLarge", true},
		{"largest response", fmt.Sprintf(`{"do":"large","bytes":%d}`, maxPayload-100), "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := pid(t, f)
			_, err := f.invoke([]byte(tt.payload))
			var failed *errFunction
			if (err != nil) != (tt.want != "") || err != nil && (!errors.As(err, &failed) || !strings.Contains(failed.kind, tt.want)) {
				t.Errorf("error %.300v, want %q", err, tt.want)
			}
			if after := pid(t, f); (after != before) != tt.fresh {
				t.Errorf("the next call ran in process %d, this one in %d", after, before)
			}
		})
	}
}

// TestSettings: a function that lacks settings does not start, and names all of them at once.
func TestSettings(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want string
	}{
		{"authorizer", nil, "CLIENT_ID, USER_POOL_ID"},
		{"authorizer", []string{"CLIENT_ID=x", "USER_POOL_ID=nonsense"}, "nonsense"},
		{"upload", nil, "UPLOADS_BUCKET_NAME, ASSETS_BUCKET_NAME, ORIGINS"},
		{"upload", []string{"UPLOADS_BUCKET_NAME=a", "ASSETS_BUCKET_NAME=a", "ORIGINS=https://x/"}, "one bucket"},
		{"pictures", []string{"UPLOADS_BUCKET_NAME=a"}, "ASSETS_BUCKET_NAME"},
		{"webhook", []string{"UPLOADS_BUCKET_NAME=a", "ASSETS_BUCKET_NAME=b"}, "TOPIC_ARNS or WEBHOOK_SECRET"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+strings.Join(tt.env, " "), func(t *testing.T) {
			_, err := deploy(t, bootstrap(t, functions+tt.name), time.Second, tt.env...).invoke([]byte("{}"))
			if !errors.Is(err, errInit) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestSizes reports, and judges nothing: sizes and times depend on the machine.
func TestSizes(t *testing.T) {
	for _, name := range []string{"authorizer", "upload", "pictures", "webhook"} {
		f := deploy(t, bootstrap(t, functions+name), 5*time.Second, "CLIENT_ID=x", "USER_POOL_ID=eu-west-1_AbCdEf123", "UPLOADS_BUCKET_NAME=a",
			"ASSETS_BUCKET_NAME=b", "ORIGINS=https://app.example", "WEBHOOK_SECRET=x", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x")
		var best time.Duration
		for range 5 {
			if _, err := f.runtime(); err != nil {
				t.Fatal(err)
			}
			if best == 0 || f.cold < best {
				best = f.cold
			}
			f.kill()
		}
		t.Logf("%-10s bootstrap %s, cold start %v (the best of 5)", name, size(t, f.binary), best.Round(100*time.Microsecond))
	}
}
