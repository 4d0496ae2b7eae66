package storage_test

import (
	"encoding/json"
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	gcs "cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/bucketconfig"
)

const page = "https://app.example"

// TestGeneratedCORS puts the generated document where the store keeps it, and asks a browser's preflight for a grant with
// everything that a policy can ask for. (MinIO has no CORS per bucket.)
func TestGeneratedCORS(t *testing.T) {
	documents, err := bucketconfig.New(bucketconfig.Config{
		UploadBucket: "uploads", AssetBucket: "assets", UploadPrefixes: []string{"uploads/"}, AssetPrefixes: []string{"avatars/"}, Origins: []string{page},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		open func(*testing.T) storage.Store
	}{
		{"versitygw", func(t *testing.T) storage.Store {
			server := servers.Versitygw(t)
			store := server.Store(t, "uploads")
			var cors types.CORSConfiguration
			if err := json.Unmarshal(documents.S3UploadCORS(), &cors); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Client.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: aws.String("uploads"), CORSConfiguration: &cors}); err != nil {
				t.Fatal(err)
			}
			return store
		}},
		{"gcs", func(t *testing.T) storage.Store {
			server := servers.FakeGCS(t)
			store := server.Store(t, "uploads")
			var rules []gcs.CORS
			var raw []struct {
				Origin, Method, ResponseHeader []string
			}
			if err := json.Unmarshal(documents.GCSUploadCORS(), &raw); err != nil {
				t.Fatal(err)
			}
			for _, r := range raw {
				rules = append(rules, gcs.CORS{Origins: r.Origin, Methods: r.Method, ResponseHeaders: r.ResponseHeader})
			}
			if _, err := server.Client.Bucket("uploads").Update(t.Context(), gcs.BucketAttrsToUpdate{CORS: rules}); err != nil {
				t.Fatal(err)
			}
			return store
		}},
		{"azurite", func(t *testing.T) storage.Store {
			server := servers.Azurite(t)
			store := server.Store(t, "uploads")
			var properties struct {
				Rules []*service.CORSRule `xml:"Cors>CorsRule"`
			}
			if err := xml.Unmarshal(documents.AzureCORSXML(), &properties); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Client.SetProperties(t.Context(), &service.SetPropertiesOptions{CORS: properties.Rules}); err != nil {
				t.Fatal(err)
			}
			return store
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := tt.open(t).GrantUpload(t.Context(), "uploads/1.png", storage.Policy{
				ContentType: "image/png", Size: 5, SHA256: strings.Repeat("0", 64), CacheControl: "no-store",
			})
			if err != nil {
				t.Fatal(err)
			}
			names := strings.ToLower(strings.Join(slices.Sorted(maps.Keys(g.Header)), ","))
			if got := preflight(t, g.URL, page, http.MethodPut, names); got != "" {
				t.Errorf("the page may not upload: %s", got)
			}
			for _, refused := range [][3]string{
				{"https://app.example.evil.example", http.MethodPut, names}, {page, http.MethodDelete, names}, {page, http.MethodPut, "x-unknown"},
			} {
				if preflight(t, g.URL, refused[0], refused[1], refused[2]) == "" {
					t.Errorf("a page at %s may %s with %s", refused[0], refused[1], refused[2])
				}
			}
		})
	}
}

// preflight asks as a browser does, and returns why a browser would not go on; empty if it would.
// https://fetch.spec.whatwg.org/#cors-preflight-fetch
func preflight(t *testing.T, address, origin, method, headers string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, address, nil)
	if err != nil {
		t.Fatal("malformed URL")
	}
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", method)
	r.Header.Set("Access-Control-Request-Headers", headers)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal("no answer to the preflight")
	}
	resp.Body.Close()
	listed := func(name string) []string {
		return strings.FieldsFunc(strings.ToLower(resp.Header.Get(name)), func(r rune) bool { return r == ',' || r == ' ' })
	}
	switch {
	case resp.StatusCode/100 != 2:
		return resp.Status
	case resp.Header.Get("Access-Control-Allow-Origin") != origin:
		return "origin"
	case !slices.Contains(listed("Access-Control-Allow-Methods"), strings.ToLower(method)):
		return "method"
	}
	for name := range strings.SplitSeq(headers, ",") {
		if !slices.Contains(listed("Access-Control-Allow-Headers"), name) {
			return "header " + name
		}
	}
	return ""
}
