package auth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/internal/e2e/component"
)

// poolID is the pool of cognito-local, under a name that looks like Amazon's.
const poolID = "us-east-1_AbCdEf123"

// cognito is a running cognito-local with one user pool, a group "admin" and, in it, the user "andrew".
type cognito struct {
	addr   string
	client string // app client; its access tokens live for 2 seconds, its ID tokens for a day
	stop   func()
}

const password = "Passw0rd!y"

// startCognito runs until the test ends.
func startCognito(t *testing.T) *cognito {
	t.Helper()
	node := component.Program(t, "node")
	script := filepath.Join(component.NodePackage(t, "cognito-local"), "lib", "bin", "start.js")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.json":            `{"TokenConfig":{"IssuerDomain":"https://cognito-idp.us-east-1.amazonaws.com"}}`,
		"db/" + poolID + ".json": `{"Users":{},"Options":{"Id":"` + poolID + `"}}`,
	} {
		file := filepath.Join(dir, ".cognito", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := &cognito{addr: component.FreeAddr(t)}
	host, port, _ := strings.Cut(c.addr, ":")
	cmd := exec.Command(node, script)
	var log bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &log, &log
	cmd.Env = append(os.Environ(), "HOST="+host, "PORT="+port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(c.stop)
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		res, err := http.Get("http://" + c.addr + "/health")
		if err == nil {
			_ = res.Body.Close()
			break
		}
		if time.Since(begin) > time.Minute {
			c.stop()
			t.Fatalf("cognito-local does not start: %v\n%s", err, &log)
		}
	}
	var made struct{ UserPoolClient struct{ ClientID string } }
	c.call(t, "CreateUserPoolClient", map[string]any{"UserPoolId": poolID, "ClientName": "c", "ExplicitAuthFlows": []string{"USER_PASSWORD_AUTH"},
		"AccessTokenValidity": 2, "TokenValidityUnits": map[string]string{"AccessToken": "seconds"}}, &made)
	c.client = made.UserPoolClient.ClientID
	c.call(t, "AdminCreateUser", map[string]any{"UserPoolId": poolID, "Username": "andrew", "MessageAction": "SUPPRESS", "TemporaryPassword": password}, nil)
	c.call(t, "AdminSetUserPassword", map[string]any{"UserPoolId": poolID, "Username": "andrew", "Password": password, "Permanent": true}, nil)
	c.call(t, "CreateGroup", map[string]any{"UserPoolId": poolID, "GroupName": "admin"}, nil)
	c.call(t, "AdminAddUserToGroup", map[string]any{"UserPoolId": poolID, "GroupName": "admin", "Username": "andrew"}, nil)
	return c
}

// call is one operation of the Cognito user pools API.
func (c *cognito) call(t *testing.T, operation string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+c.addr+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil || res.StatusCode != 200 {
		t.Fatalf("%s: %d %s (%v)", operation, res.StatusCode, &text, err)
	}
	if out != nil {
		if err := json.Unmarshal(text.Bytes(), out); err != nil {
			t.Fatal(err)
		}
	}
}

type tokens struct{ AccessToken, IDToken, RefreshToken string }

func (c *cognito) signIn(t *testing.T) tokens {
	t.Helper()
	var answer struct{ AuthenticationResult tokens }
	c.call(t, "InitiateAuth", map[string]any{"ClientId": c.client, "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": "andrew", "PASSWORD": password}}, &answer)
	return answer.AuthenticationResult
}

// config is that of a verifier for the pool, whose keys come from cognito-local instead of Amazon.
func (c *cognito) config() auth.Config {
	return auth.Config{
		Pools:  []auth.Pool{{ID: poolID, ClientIDs: []string{c.client}}},
		Leeway: time.Second,
		HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "cognito-idp.us-east-1.amazonaws.com" {
				return nil, fmt.Errorf("unexpected host %s", r.URL.Host)
			}
			r = r.Clone(r.Context())
			r.URL.Scheme, r.URL.Host, r.Host = "http", c.addr, ""
			return http.DefaultTransport.RoundTrip(r)
		})},
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newVerifier(t *testing.T, cfg auth.Config) *auth.Verifier {
	t.Helper()
	v, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCognitoTokens: a person signs in, and every token that comes out of it is what it should be, until it expires.
func TestCognitoTokens(t *testing.T) {
	c := startCognito(t)
	v := newVerifier(t, c.config())
	if err := v.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := c.signIn(t)
	claims, err := v.Verify(t.Context(), got.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Username != "andrew" || claims.Subject == "" || claims.ClientID != c.client || claims.Use != auth.AccessToken ||
		!claims.InGroup("admin") || !claims.HasScope("aws.cognito.signin.user.admin") || claims.ID == "" {
		t.Errorf("claims = %+v", claims)
	}
	if d := claims.ExpiresAt.Sub(claims.IssuedAt); d != 2*time.Second {
		t.Errorf("lives for %v", d)
	}
	if _, err := v.Verify(t.Context(), got.IDToken); !errors.Is(err, auth.ErrTokenUse) {
		t.Errorf("the ID token: %v", err)
	}
	if _, err := v.Verify(t.Context(), got.RefreshToken); err == nil {
		t.Error("the refresh token is accepted")
	}

	both := c.config()
	both.TokenUses = []auth.TokenUse{auth.AccessToken, auth.IDToken}
	id, err := newVerifier(t, both).Verify(t.Context(), got.IDToken)
	if err != nil {
		t.Fatal(err)
	}
	var custom struct {
		Verified *bool `json:"email_verified"`
	}
	if err := id.Decode(&custom); err != nil || custom.Verified == nil || id.Subject != claims.Subject || id.Username != "andrew" || id.ClientID != c.client {
		t.Errorf("ID token: %+v, %v, %v", id, custom, err)
	}

	other := c.config()
	other.Pools[0].ClientIDs = []string{"another"}
	if _, err := newVerifier(t, other).Verify(t.Context(), got.AccessToken); !errors.Is(err, auth.ErrClient) {
		t.Errorf("another client's verifier: %v", err)
	}
	dot := strings.LastIndexByte(got.AccessToken, '.')
	if _, err := v.Verify(t.Context(), got.AccessToken[:dot]+got.IDToken[strings.LastIndexByte(got.IDToken, '.'):]); !errors.Is(err, auth.ErrSignature) {
		t.Errorf("the ID token's signature under the access token: %v", err)
	}
	time.Sleep(time.Until(claims.ExpiresAt.Add(time.Second)))
	if _, err := v.Verify(t.Context(), got.AccessToken); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("after its time: %v", err)
	}
}

// TestCognitoOutage: while Cognito is down, known keys serve on and a new process says 503, not 401.
func TestCognitoOutage(t *testing.T) {
	c := startCognito(t)
	cfg := c.config()
	cfg.TokenUses = []auth.TokenUse{auth.IDToken}
	warm := newVerifier(t, cfg)
	tok := c.signIn(t).IDToken
	if _, err := warm.Verify(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	c.stop()
	if _, err := warm.Verify(t.Context(), tok); err != nil {
		t.Errorf("known keys: %v", err)
	}
	_, err := newVerifier(t, cfg).Verify(t.Context(), tok)
	if !errors.Is(err, auth.ErrKeysUnavailable) || auth.Status(err) != http.StatusServiceUnavailable {
		t.Errorf("no keys: %v", err)
	}
}
