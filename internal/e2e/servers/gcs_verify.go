package servers

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	gcsAlgorithm = "GOOG4-RSA-SHA256"
	gcsTime      = "20060102T150405Z"
)

// refusal is an error that the proxy answers.
type refusal struct {
	status       int
	code, detail string
}

func (r *refusal) Error() string { return r.code + ": " + r.detail }

func refuse(status int, code, detail string) error { return &refusal{status, code, detail} }

func writeRefusal(w http.ResponseWriter, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	w.WriteHeader(r.status)
	fmt.Fprintf(w, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>%s</Message></Error>", r.code, r.detail)
}

// verifyURL checks a V4 signed URL: signature, scope, expiry, every signed header, and that no x-goog header came unsigned.
// https://cloud.google.com/storage/docs/authentication/canonical-requests
func (p *gcsProxy) verifyURL(r *http.Request) error {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) != 1 {
			return refuse(http.StatusBadRequest, "InvalidArgument", "repeated parameter "+name)
		}
	}
	signedAt, err := time.Parse(gcsTime, q.Get("X-Goog-Date"))
	seconds, err2 := strconv.ParseInt(q.Get("X-Goog-Expires"), 10, 64)
	if err != nil || err2 != nil || seconds <= 0 || seconds > 7*24*3600 || q.Get("X-Goog-Algorithm") != gcsAlgorithm {
		return refuse(http.StatusBadRequest, "AuthenticationRequired", "malformed signature parameters")
	}
	if err := p.checkTime(signedAt, signedAt.Add(time.Duration(seconds)*time.Second)); err != nil {
		return err
	}
	scope, err := p.scope(q.Get("X-Goog-Credential"), signedAt)
	if err != nil {
		return err
	}
	headers, err := signedHeaders(r, q.Get("X-Goog-SignedHeaders"))
	if err != nil {
		return err
	}
	signature := q.Get("X-Goog-Signature")
	q.Del("X-Goog-Signature")
	canonical := strings.Join([]string{
		r.Method, r.URL.EscapedPath(), strings.ReplaceAll(q.Encode(), "+", "%20"), headers, q.Get("X-Goog-SignedHeaders"), "UNSIGNED-PAYLOAD",
	}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	return p.verify(strings.Join([]string{gcsAlgorithm, q.Get("X-Goog-Date"), scope, hex.EncodeToString(sum[:])}, "\n"), signature)
}

// signedHeaders returns the canonical headers of the request.
func signedHeaders(r *http.Request, list string) (string, error) {
	names := strings.Split(list, ";")
	if !slices.Contains(names, "host") || !slices.IsSorted(names) {
		return "", refuse(http.StatusBadRequest, "InvalidArgument", "X-Goog-SignedHeaders")
	}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-goog-") && !slices.Contains(names, name) {
			return "", refuse(http.StatusForbidden, "SignatureDoesNotMatch", "header is not signed: "+name)
		}
	}
	var lines strings.Builder
	for _, name := range names {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = (&url.URL{Host: r.Host}).Hostname() // the client library signs it without the port
		}
		fmt.Fprintf(&lines, "%s:%s\n", name, strings.Join(strings.Fields(value), " "))
	}
	return lines.String(), nil
}

func (p *gcsProxy) checkTime(signedAt, expires time.Time) error {
	switch now := time.Now(); {
	case signedAt.After(now.Add(15 * time.Minute)):
		return refuse(http.StatusForbidden, "AccessDenied", "signed in the future")
	case !now.Before(expires):
		return refuse(http.StatusBadRequest, "ExpiredToken", "the URL has expired")
	}
	return nil
}

// scope returns the credential scope if the credential is the known account's on the day of signing.
func (p *gcsProxy) scope(credential string, signedAt time.Time) (string, error) {
	scope := signedAt.Format("20060102") + "/auto/storage/goog4_request"
	if credential != p.accessID+"/"+scope {
		return "", refuse(http.StatusForbidden, "AccessDenied", "unknown credential")
	}
	return scope, nil
}

func (p *gcsProxy) verify(signed, signature string) error {
	raw, err := hex.DecodeString(signature)
	sum := sha256.Sum256([]byte(signed))
	if err != nil || rsa.VerifyPKCS1v15(p.key, crypto.SHA256, sum[:], raw) != nil {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "the signature does not match")
	}
	return nil
}

// maxForm is the largest form that the proxy takes.
const maxForm = 64 << 20

// form checks an upload by POST policy and stores its file. https://cloud.google.com/storage/docs/authentication/signatures#policy-document
func (p *gcsProxy) form(w http.ResponseWriter, r *http.Request, bucket string) error {
	fields, file, err := readForm(r)
	if err != nil {
		return refuse(http.StatusBadRequest, "MalformedPOSTRequest", err.Error())
	}
	signedAt, err := time.Parse(gcsTime, fields["x-goog-date"])
	if err != nil || fields["x-goog-algorithm"] != gcsAlgorithm {
		return refuse(http.StatusBadRequest, "InvalidPolicyDocument", "x-goog-date or x-goog-algorithm")
	}
	if _, err := p.scope(fields["x-goog-credential"], signedAt); err != nil {
		return err
	}
	if err := p.verify(fields["policy"], fields["x-goog-signature"]); err != nil {
		return err
	}
	if err := p.checkPolicy(bucket, fields, signedAt, int64(len(file))); err != nil {
		return err
	}
	header := http.Header{"Content-Type": {fields["content-type"]}, "Cache-Control": {fields["cache-control"]}}
	if status := p.upload(r, bucket, fields["key"], "", header, bytes.NewReader(file), int64(len(file))); status != http.StatusOK {
		return refuse(status, "Failed", http.StatusText(status))
	}
	status, err := strconv.Atoi(fields["success_action_status"])
	if err != nil {
		status = http.StatusNoContent
	}
	w.WriteHeader(status)
	return nil
}

// readForm returns the fields, by lower-case name, and the file, which comes last.
func readForm(r *http.Request) (map[string]string, []byte, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, err
	}
	fields := map[string]string{}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, nil, errors.New("no file")
		}
		data, err := io.ReadAll(io.LimitReader(part, maxForm))
		if err != nil {
			return nil, nil, err
		}
		if part.FormName() == "file" {
			return fields, data, nil
		}
		fields[strings.ToLower(part.FormName())] = string(data)
	}
}

// checkPolicy holds every condition against the fields, and every field against the conditions.
func (p *gcsProxy) checkPolicy(bucket string, fields map[string]string, signedAt time.Time, length int64) error {
	raw, err := base64.StdEncoding.DecodeString(fields["policy"])
	var policy struct {
		Expiration time.Time         `json:"expiration"`
		Conditions []json.RawMessage `json:"conditions"`
	}
	if err != nil || json.Unmarshal(raw, &policy) != nil {
		return refuse(http.StatusBadRequest, "InvalidPolicyDocument", "not base64 of JSON")
	}
	if err := p.checkTime(signedAt, policy.Expiration); err != nil {
		return err
	}
	values := map[string]string{"bucket": bucket}
	for name, value := range fields {
		values[name] = value
	}
	covered := map[string]bool{"policy": true, "x-goog-signature": true}
	for _, condition := range policy.Conditions {
		name, err := checkCondition(condition, values, length)
		if err != nil {
			return err
		}
		covered[name] = true
	}
	for name := range fields {
		if !covered[name] && !strings.HasPrefix(name, "x-ignore-") {
			return refuse(http.StatusForbidden, "AccessDenied", "the policy does not cover the field "+name)
		}
	}
	return nil
}

// checkCondition returns the field that the condition is about.
func checkCondition(condition json.RawMessage, values map[string]string, length int64) (string, error) {
	var exact map[string]string
	if json.Unmarshal(condition, &exact) == nil && len(exact) == 1 {
		for name, want := range exact {
			if name = strings.ToLower(name); values[name] != want {
				return "", refuse(http.StatusForbidden, "AccessDenied", "condition on "+name)
			}
			return name, nil
		}
	}
	var list []any
	if json.Unmarshal(condition, &list) != nil || len(list) != 3 {
		return "", refuse(http.StatusBadRequest, "InvalidPolicyDocument", "condition")
	}
	name := strings.ToLower(strings.TrimPrefix(fmt.Sprint(list[1]), "$"))
	holds := false
	switch list[0] {
	case "content-length-range":
		low, ok1 := list[1].(float64)
		high, ok2 := list[2].(float64)
		if !ok1 || !ok2 {
			return "", refuse(http.StatusBadRequest, "InvalidPolicyDocument", "content-length-range")
		}
		return "", checkLength(length, int64(low), int64(high))
	case "eq":
		holds = values[name] == fmt.Sprint(list[2])
	case "starts-with":
		holds = strings.HasPrefix(values[name], fmt.Sprint(list[2]))
	}
	if !holds {
		return "", refuse(http.StatusForbidden, "AccessDenied", "condition on "+name)
	}
	return name, nil
}
