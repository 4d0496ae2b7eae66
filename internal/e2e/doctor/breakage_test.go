package doctor_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage/localstore"
)

func TestVersitygw(t *testing.T) {
	server := servers.Versitygw(t)
	p := ofS3(t, server, "lifecycle_unknown")
	putCORS(t, p, nil)
	good := cdn(t, p.assets, asItIs)
	t.Run("healthy", func(t *testing.T) { healthy(t, p, "-cdn", good) })
	t.Run("no CORS", func(t *testing.T) {
		deleteCORS(t, p)
		r := examine(t, p, []string{"cors_answer", "cors_origin"}, "-cdn", good)
		if !strings.Contains(r.Problems[0].Document, origin) {
			t.Errorf("no document to apply: %+v", r.Problems[0])
		}
	})
	t.Run("any origin", func(t *testing.T) {
		putCORS(t, p, func(r *types.CORSRule) { r.AllowedOrigins = []string{"*"} })
		examine(t, p, []string{"cors_any_origin"}, "-cdn", good)
	})
	t.Run("headers", func(t *testing.T) {
		putCORS(t, p, func(r *types.CORSRule) { r.AllowedHeaders = []string{"content-type"} })
		examine(t, p, []string{"cors_origin"}, "-cdn", good) // versitygw refuses the whole preflight, as S3 does
	})
	putCORS(t, p, nil)
	t.Run("public", func(t *testing.T) {
		makePublic(t, p, "s3:GetObject", "s3:ListBucket", "s3:PutObject")
		// What anybody may do, an altered grant may do as well.
		r := examine(t, p, []string{"uploads_listable", "uploads_public", "uploads_writable"}, "-cdn", good)
		if !strings.Contains(r.Problems[0].Fix, "put-public-access-block") {
			t.Errorf("fix %q", r.Problems[0].Fix)
		}
		if _, err := s3Client(t, p).DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: aws.String("uploads")}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("overlap", func(t *testing.T) {
		same := *p
		same.assetsURL, same.assets = p.uploadsURL, p.uploads
		examine(t, &same, []string{"overlap"}, "-asset-prefix", "uploads/")
		examine(t, &same, nil, "-asset-prefix", "avatars/") // apart in one bucket is allowed
	})
	testProxies(t, p, server.Endpoint)
	testCDN(t, p)
}

// testProxies puts something wrong between uploaders and the store.
func testProxies(t *testing.T, p *pair, endpoint string) {
	t.Run("clock", func(t *testing.T) {
		late := proxy(t, endpoint, func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
			return nil
		})
		examine(t, p, []string{"clock_skew"}, "-endpoint", late)
	})
	t.Run("nothing enforced", func(t *testing.T) {
		lenient := proxy(t, endpoint, func(r *http.Response) error {
			if r.Request.Method == http.MethodPut && r.Request.URL.Query().Has("X-Amz-Signature") {
				r.StatusCode = http.StatusOK
			}
			return nil
		})
		r := examine(t, p, []string{"grant_unenforced"}, "-endpoint", lenient)
		if len(r.Problems) != 6 { // type, size, maximum, digest, write-once, expiry
			t.Errorf("%d broken promises: %+v", len(r.Problems), r.Problems)
		}
	})
	t.Run("host changed", func(t *testing.T) {
		u, err := url.Parse(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		direct := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}) // sets Host to the target's
		defer direct.Close()
		r := examine(t, p, []string{"grant_refused"}, "-endpoint", direct.URL)
		if !strings.Contains(r.Problems[0].Fix, "Host") {
			t.Errorf("fix %q", r.Problems[0].Fix)
		}
	})
	t.Run("accepted and lost", func(t *testing.T) {
		hole := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPut {
				w.WriteHeader(http.StatusForbidden)
			}
		}))
		defer hole.Close()
		examine(t, p, []string{"cors_answer", "cors_origin", "grant_lost", "uploads_writable"}, "-endpoint", hole.URL)
	})
}

func testCDN(t *testing.T, p *pair) {
	missing := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/missing.png") }
	tests := []struct {
		name string
		edit func(http.ResponseWriter, *http.Request) bool
		want string
	}{
		{"cache", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Cache-Control", "max-age=60")
			return false
		}, "cdn_cache"},
		{"type", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			return false
		}, "cdn_type"},
		{"nosniff", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Del("X-Content-Type-Options")
			return false
		}, "cdn_nosniff"},
		{"403 for missing", func(w http.ResponseWriter, r *http.Request) bool {
			if missing(r) {
				w.WriteHeader(http.StatusForbidden)
			}
			return missing(r)
		}, "cdn_missing_403"},
		{"page for missing", func(w http.ResponseWriter, r *http.Request) bool { return missing(r) }, "cdn_missing"},
		{"missing is cached", func(w http.ResponseWriter, r *http.Request) bool {
			if missing(r) {
				w.Header().Set("Cache-Control", "public, max-age=31536000")
			}
			return false
		}, "cdn_missing_cached"},
		{"origin", func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}, "cdn_unreachable"},
		{"uploads", func(w http.ResponseWriter, r *http.Request) bool {
			reader, err := p.uploads.NewReader(r.Context(), strings.TrimPrefix(r.URL.Path, "/"), nil)
			if err != nil {
				return false
			}
			defer reader.Close()
			_, _ = reader.WriteTo(w) // the client went away
			return true
		}, "cdn_serves_uploads"},
	}
	for _, tt := range tests {
		t.Run("cdn "+tt.name, func(t *testing.T) { examine(t, p, []string{tt.want}, "-cdn", cdn(t, p.assets, tt.edit)) })
	}
}

func TestMinIO(t *testing.T) {
	p := minio(t, "MINIO_API_CORS_ALLOW_ORIGIN="+origin)
	good := cdn(t, p.assets, asItIs)
	t.Run("healthy", func(t *testing.T) { healthy(t, p, "-cdn", good) })
	t.Run("no lifecycle", func(t *testing.T) {
		if _, err := s3Client(t, p).DeleteBucketLifecycle(t.Context(), &s3.DeleteBucketLifecycleInput{Bucket: aws.String("uploads")}); err != nil {
			t.Fatal(err)
		}
		r := examine(t, p, []string{"lifecycle_missing"}, "-cdn", good)
		if !strings.Contains(r.Problems[0].Document, "Expiration") {
			t.Errorf("no document to apply: %+v", r.Problems[0])
		}
	})
	t.Run("lifecycle of another prefix", func(t *testing.T) {
		putLifecycle(t, p)
		examine(t, p, []string{"lifecycle_missing"}, "-cdn", good, "-upload-prefix", "uploads/avatars/,uploads/banners/")
	})
	t.Run("public", func(t *testing.T) {
		makePublic(t, p, "s3:GetObject")
		examine(t, p, []string{"uploads_public"}, "-cdn", good)
	})
}

// TestMinIODefault: as it comes, MinIO lets every page upload.
func TestMinIODefault(t *testing.T) {
	p := minio(t)
	r := examine(t, p, []string{"cors_any_origin"}, "-cdn", cdn(t, p.assets, asItIs))
	if !strings.Contains(r.Problems[0].Fix, "MINIO_API_CORS_ALLOW_ORIGIN="+origin) {
		t.Errorf("fix %q", r.Problems[0].Fix)
	}
}

func TestAzurite(t *testing.T) {
	p, s := azurite(t)
	good := cdn(t, p.assets, asItIs)
	t.Run("healthy", func(t *testing.T) { healthy(t, p, "-cdn", good) })
	t.Run("no CORS", func(t *testing.T) {
		if _, err := s.Client.SetProperties(t.Context(), &service.SetPropertiesOptions{CORS: []*service.CORSRule{}}); err != nil {
			t.Fatal(err)
		}
		examine(t, p, []string{"cors_answer", "cors_origin"}, "-cdn", good)
		setAzureCORS(t, s)
	})
	t.Run("public", func(t *testing.T) {
		access := container.PublicAccessTypeContainer
		if _, err := s.Client.NewContainerClient("uploads").SetAccessPolicy(t.Context(), &container.SetAccessPolicyOptions{Access: &access}); err != nil {
			t.Fatal(err)
		}
		r := examine(t, p, []string{"uploads_listable", "uploads_public"}, "-cdn", good)
		if !strings.Contains(r.Problems[0].Fix, "az storage container set-permission --name uploads") {
			t.Errorf("fix %q", r.Problems[0].Fix)
		}
	})
}

func TestFakeGCS(t *testing.T) {
	p, s := fakeGCS(t)
	flags := []string{"-cdn", cdn(t, p.assets, asItIs), "-endpoint", s.Endpoint}
	t.Run("healthy", func(t *testing.T) { healthy(t, p, flags...) })
	t.Run("no CORS", func(t *testing.T) {
		setGCS(t, s, func(u *gcs.BucketAttrsToUpdate) { u.CORS = []gcs.CORS{} })
		examine(t, p, []string{"cors_answer", "cors_origin"}, flags...)
	})
	t.Run("headers", func(t *testing.T) {
		setGCS(t, s, func(u *gcs.BucketAttrsToUpdate) { u.CORS[0].ResponseHeaders = []string{"Content-Type"} })
		examine(t, p, []string{"cors_header"}, flags...)
	})
	t.Run("no lifecycle", func(t *testing.T) {
		setGCS(t, s, func(u *gcs.BucketAttrsToUpdate) { u.Lifecycle = &gcs.Lifecycle{} })
		r := examine(t, p, []string{"lifecycle_missing"}, flags...)
		if !strings.Contains(r.Problems[0].Fix, "gs://uploads") || !strings.Contains(r.Problems[0].Document, "matchesPrefix") {
			t.Errorf("fix %+v", r.Problems[0])
		}
	})
	t.Run("public", func(t *testing.T) {
		setGCS(t, s, func(*gcs.BucketAttrsToUpdate) {})
		makeGCSPublic(t, s)
		examine(t, p, []string{"uploads_listable", "uploads_public"}, flags...)
	})
}

func TestFiles(t *testing.T) {
	p := files(t)
	good := cdn(t, p.assets, asItIs)
	t.Run("healthy", func(t *testing.T) {
		healthy(t, p, "-cdn", good)
		var left []string
		if err := filepath.WalkDir(filepath.Dir(strings.TrimPrefix(p.uploadsURL, "file://")), func(path string, _ fs.DirEntry, err error) error {
			if strings.Contains(path, "doctor-") {
				left = append(left, path)
			}
			return err
		}); err != nil || left != nil {
			t.Errorf("left %q, %v", left, err)
		}
	})
	t.Run("one folder", func(t *testing.T) {
		same := *p
		same.assetsURL, same.assets = p.uploadsURL, p.uploads
		examine(t, &same, []string{"overlap"}, "-asset-prefix", "uploads/avatars/")
	})
	t.Run("receiver", func(t *testing.T) {
		examine(t, p, nil, "-cdn", good, "-endpoint", live(t, origin))
		examine(t, p, []string{"cors_origin"}, "-cdn", good, "-endpoint", live(t, "https://other.example"))
	})
}

// live is a service's receiver for pages of one origin.
func live(t *testing.T, origin string) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	store, err := localstore.Open(t.Context(), "mem://", localstore.Config{
		Secret: slices.Repeat([]byte("x"), 32), BaseURL: "http://" + srv.Listener.Addr().String() + "/uploads", Origins: []string{origin},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = store
	srv.Start()
	t.Cleanup(func() { srv.Close(); _ = store.Bucket().Close() })
	return srv.URL + "/uploads"
}
