package storage_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcp"

	"github.com/cruddur/avatarkit/internal/e2e/component"
	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/azurestore"
	"github.com/cruddur/avatarkit/storage/gcsstore"
	"github.com/cruddur/avatarkit/storage/localstore"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// troubled opens one kind of store in all the ways in which things go wrong. A nil store means that it cannot happen.
type troubled struct {
	good    storage.Store
	missing storage.Store // its bucket is not there
	denied  storage.Store // its credentials are wrong
	unheard storage.Store // nobody listens
}

// TestErrors: whatever a store answers, its error matches one of package storage's, and nothing panics.
func TestErrors(t *testing.T) {
	tests := []struct {
		name string
		open func(*testing.T) troubled
	}{
		{"versitygw", func(t *testing.T) troubled { return troubledS3(t, servers.Versitygw(t)) }},
		{"minio", func(t *testing.T) troubled { return troubledS3(t, servers.MinIO(t)) }},
		{"gcs", troubledGCS},
		{"azurite", troubledAzure},
		{"folder", func(t *testing.T) troubled {
			return troubled{good: receive(t, func(cfg localstore.Config) (*localstore.Store, error) {
				return localstore.OpenDir(t.TempDir()+"/u", cfg)
			})}
		}},
		{"memory", func(t *testing.T) troubled { return troubled{good: receiveInto(t, memblob.OpenBucket(nil))} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.open(t)
			if err := write(t.Context(), s.good, false); err != nil {
				t.Fatal(err)
			}
			check := func(name string, s storage.Store, err error, want error) {
				t.Helper()
				if got := s.WrapError(err); !errors.Is(got, want) || !errors.Is(got, err) {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
			_, err := s.good.Bucket().ReadAll(t.Context(), "nothing")
			check("no object", s.good, err, storage.ErrNotFound)
			check("no object, for io/fs", s.good, err, fs.ErrNotExist)
			check("delete nothing", s.good, s.good.Bucket().Delete(t.Context(), "nothing"), storage.ErrNotFound)
			if tt.name != "folder" { // whose driver is not written to directly
				check("exists", s.good, write(t.Context(), s.good, true), storage.ErrExists)
			}
			ended, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			defer cancel()
			if s.missing != nil {
				check("too late", s.good, write(ended, s.good, false), context.DeadlineExceeded)
				_, err := s.missing.Bucket().ReadAll(t.Context(), "k")
				check("read without bucket", s.missing, err, storage.ErrNotFound)
				check("write without bucket", s.missing, write(t.Context(), s.missing, false), storage.ErrNotFound)
			}
			if s.denied != nil {
				_, err := s.denied.Bucket().ReadAll(t.Context(), "k")
				check("read denied", s.denied, err, storage.ErrPermission)
				check("write denied", s.denied, write(t.Context(), s.denied, false), storage.ErrPermission)
			}
			if s.unheard != nil {
				brief, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				_, err := s.unheard.Bucket().ReadAll(brief, "k")
				check("read from nobody", s.unheard, err, storage.ErrUnavailable)
			}
		})
	}
}

func write(ctx context.Context, s storage.Store, once bool) error {
	return s.Bucket().Upload(ctx, "k", strings.NewReader("hello"), &blob.WriterOptions{ContentType: "text/plain", IfNotExist: once})
}

func troubledS3(t *testing.T, server *servers.S3) troubled {
	open := func(endpoint, bucket, secret string) storage.Store {
		client := s3.New(s3.Options{
			BaseEndpoint: &endpoint, UsePathStyle: true, Region: servers.Region, Retryer: aws.NopRetryer{},
			Credentials: credentials.NewStaticCredentialsProvider(servers.AccessKey, secret, ""),
		})
		return opened(s3store.New(client, bucket, nil))(t)
	}
	return troubled{
		good:    server.Store(t, "uploads"),
		missing: open(server.Endpoint, "not-there", servers.SecretKey),
		denied:  open(server.Endpoint, "uploads", "wrong"),
		unheard: open("http://"+component.FreeAddr(t), "uploads", servers.SecretKey),
	}
}

// troubledGCS has a stranger at the public door for the denied one: fake-gcs-server knows no credentials.
func troubledGCS(t *testing.T) troubled {
	server := servers.FakeGCS(t)
	open := func(bucket string, b *blob.Bucket, err error) storage.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return opened(gcsstore.New(b, bucket, nil))(t)
	}
	missing, err := gcsblob.OpenBucket(t.Context(), nil, "not-there", &gcsblob.Options{Client: server.Client})
	denied, err2 := gcsblob.OpenBucket(t.Context(), gcp.NewAnonymousHTTPClient(moved{server.Endpoint}), "uploads", nil)
	return troubled{good: server.Store(t, "uploads"), missing: open("not-there", missing, err), denied: open("uploads", denied, err2)}
}

// moved sends Google's requests to another host.
type moved struct{ to string }

func (m moved) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(m.to, "http://")
	return http.DefaultTransport.RoundTrip(r)
}

func troubledAzure(t *testing.T) troubled {
	server := servers.Azurite(t)
	open := func(endpoint, name, key string) storage.Store {
		credential, err := container.NewSharedKeyCredential(servers.AzureAccount, key)
		if err != nil {
			t.Fatal(err)
		}
		options := &container.ClientOptions{}
		options.Retry = policy.RetryOptions{MaxRetries: -1}
		client, err := container.NewClientWithSharedKeyCredential(endpoint+"/"+name, credential, options)
		if err != nil {
			t.Fatal(err)
		}
		return opened(azurestore.New(client, nil))(t)
	}
	return troubled{
		good:    server.Store(t, "uploads"),
		missing: open(server.Endpoint, "not-there", servers.AzureKey),
		denied:  open(server.Endpoint, "uploads", "d3Jvbmc="),
		unheard: open("http://"+component.FreeAddr(t)+"/"+servers.AzureAccount, "uploads", servers.AzureKey),
	}
}
