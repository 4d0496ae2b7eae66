package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// answering returns a store whose server gives the same answer to every request.
func answering(t *testing.T, h http.HandlerFunc) *s3store.Store {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return newStore(t, newClient(func(o *s3.Options) {
		o.BaseEndpoint, o.UsePathStyle, o.Retryer = &server.URL, true, aws.NopRetryer{}
	}), nil)
}

func TestWrapError(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   error
	}{
		{403, "AccessDenied", storage.ErrPermission},
		{403, "InvalidAccessKeyId", storage.ErrPermission},
		{403, "SignatureDoesNotMatch", storage.ErrPermission},
		{403, "RequestTimeTooSkewed", storage.ErrPermission},
		{404, "NoSuchKey", storage.ErrNotFound},
		{404, "NoSuchBucket", fs.ErrNotExist},
		{412, "PreconditionFailed", storage.ErrExists},
		{409, "ConditionalRequestConflict", storage.ErrUnavailable},
		{400, "BadDigest", storage.ErrUnavailable},
		{429, "TooManyRequests", storage.ErrUnavailable},
		{500, "InternalError", storage.ErrUnavailable},
		{501, "NotImplemented", storage.ErrUnavailable},
		{503, "SlowDown", storage.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(tt.status)
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", tt.code)
			})
			_, readErr := s.Bucket().ReadAll(t.Context(), "k")
			writeErr := s.Bucket().Upload(t.Context(), "k", strings.NewReader("x"), &blob.WriterOptions{ContentType: "a/b", IfNotExist: true})
			for _, err := range []error{readErr, writeErr} {
				if got := s.WrapError(err); !errors.Is(got, tt.want) || !errors.Is(got, err) {
					t.Errorf("%v, want %v around the original", got, tt.want)
				}
			}
		})
	}
}

func TestWrapErrorWithoutAnswer(t *testing.T) {
	s := answering(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Bucket().ReadAll(ctx, "k")
	if got := s.WrapError(err); !errors.Is(got, context.DeadlineExceeded) || errors.Is(got, storage.ErrUnavailable) {
		t.Errorf("after the deadline %v, want the context's error", got)
	}
	closed := answering(t, func(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := closed.Bucket().ReadAll(t.Context(), "k"); !errors.Is(closed.WrapError(err), storage.ErrUnavailable) {
		t.Errorf("after a broken connection %v, want ErrUnavailable", closed.WrapError(err))
	}
	if s.WrapError(nil) != nil {
		t.Error("nil became an error")
	}
}
