package servers

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cruddur/avatarkit/internal/e2e/component"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// AccessKey and SecretKey are the credentials of every S3 server here, and Region is what they sign for.
const (
	AccessKey = "testkey"
	SecretKey = "testsecret123"
	Region    = "us-east-1"
)

// S3 is a running server that speaks S3.
type S3 struct {
	// Endpoint is the server's URL, without a slash at the end.
	Endpoint string
	// Client may do everything.
	Client *s3.Client
}

var _ Server = (*S3)(nil)

// Versitygw starts versitygw with the extra flags, such as "--event-webhook-url".
func Versitygw(t testing.TB, flags ...string) *S3 {
	t.Helper()
	program, addr := component.Program(t, "versitygw"), component.FreeAddr(t)
	args := append([]string{"--port", addr, "--quiet"}, flags...)
	run(t, []string{"ROOT_ACCESS_KEY=" + AccessKey, "ROOT_SECRET_KEY=" + SecretKey}, program, append(args, "posix", t.TempDir())...)
	return newS3(t, addr)
}

// MinIO starts MinIO with extra settings, such as "MINIO_NOTIFY_WEBHOOK_ENABLE_hook=on".
func MinIO(t testing.TB, env ...string) *S3 {
	t.Helper()
	program, addr := component.Program(t, "minio"), component.FreeAddr(t)
	env = append([]string{"MINIO_ROOT_USER=" + AccessKey, "MINIO_ROOT_PASSWORD=" + SecretKey}, env...)
	run(t, env, program, "server", "--quiet", "--address", addr, "--console-address", component.FreeAddr(t), t.TempDir())
	return newS3(t, addr)
}

func newS3(t testing.TB, addr string) *S3 {
	t.Helper()
	s := &S3{Endpoint: "http://" + addr}
	s.Client = s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint, UsePathStyle: true, Region: Region,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
	})
	eventually(t, "server is not ready", func() error {
		_, err := s.Client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		return err
	})
	return s
}

// MakeBucket makes the bucket if it is missing.
func (s *S3) MakeBucket(t testing.TB, name string) {
	t.Helper()
	eventually(t, "bucket cannot be made", func() error {
		_, err := s.Client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)})
		var mine *types.BucketAlreadyOwnedByYou
		if errors.As(err, &mine) {
			return nil
		}
		return err
	})
}

// Store implements [Server].
func (s *S3) Store(t testing.TB, bucket string) storage.Store {
	t.Helper()
	s.MakeBucket(t, bucket)
	store, err := s3store.New(s.Client, bucket, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Bucket().Close() })
	return store
}
