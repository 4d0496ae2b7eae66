package doctor_test

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/iam"
	gcs "cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob/fileblob"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
)

// ofS3 is the pair of a server that speaks S3, still without settings.
func ofS3(t *testing.T, s *servers.S3, notes ...string) *pair {
	t.Helper()
	q := url.Values{"region": {servers.Region}, "endpoint": {s.Endpoint}, "use_path_style": {"true"}}.Encode()
	return &pair{
		uploadsURL: "s3://uploads?" + q, assetsURL: "s3://assets?" + q,
		env:     []string{"AWS_ACCESS_KEY_ID=" + servers.AccessKey, "AWS_SECRET_ACCESS_KEY=" + servers.SecretKey},
		uploads: s.Store(t, "uploads").Bucket(), assets: s.Store(t, "assets").Bucket(), notes: notes,
	}
}

func s3Client(t *testing.T, p *pair) *s3.Client {
	t.Helper()
	var client *s3.Client
	if !p.uploads.As(&client) {
		t.Fatal("no S3 client")
	}
	return client
}

// versitygw knows CORS and bucket policies, but no lifecycle.
func versitygw(t *testing.T) *pair {
	t.Helper()
	p := ofS3(t, servers.Versitygw(t), "lifecycle_unknown")
	putCORS(t, p, nil)
	return p
}

func putCORS(t *testing.T, p *pair, edit func(*types.CORSRule)) {
	t.Helper()
	var cors types.CORSConfiguration
	if err := json.Unmarshal(documents(t, nil).S3UploadCORS(), &cors); err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		for i := range cors.CORSRules {
			edit(&cors.CORSRules[i])
		}
	}
	if _, err := s3Client(t, p).PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: aws.String("uploads"), CORSConfiguration: &cors}); err != nil {
		t.Fatal(err)
	}
}

func deleteCORS(t *testing.T, p *pair) {
	t.Helper()
	if _, err := s3Client(t, p).DeleteBucketCors(t.Context(), &s3.DeleteBucketCorsInput{Bucket: aws.String("uploads")}); err != nil {
		t.Fatal(err)
	}
}

// makePublic lets everybody do the actions in the uploads bucket.
func makePublic(t *testing.T, p *pair, actions ...string) {
	t.Helper()
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": []string{"arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s3Client(t, p).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("uploads"), Policy: aws.String(string(policy))}); err != nil {
		t.Fatal(err)
	}
}

// minio knows lifecycle rules; its CORS is one setting of the whole server.
func minio(t *testing.T, env ...string) *pair {
	t.Helper()
	p := ofS3(t, servers.MinIO(t, env...))
	putLifecycle(t, p)
	return p
}

func putLifecycle(t *testing.T, p *pair) {
	t.Helper()
	var rules types.BucketLifecycleConfiguration
	if err := json.Unmarshal(documents(t, nil).S3UploadLifecycle(), &rules); err != nil {
		t.Fatal(err)
	}
	for i := range rules.Rules {
		rules.Rules[i].AbortIncompleteMultipartUpload = nil // MinIO does so by itself and refuses the rule
	}
	if _, err := s3Client(t, p).PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String("uploads"), LifecycleConfiguration: &rules}); err != nil {
		t.Fatal(err)
	}
}

// azurite has CORS and public containers. Rules for lifecycles lie elsewhere, and a SAS binds no type and no size.
func azurite(t *testing.T) (*pair, *servers.Azure) {
	t.Helper()
	s := servers.Azurite(t)
	q := url.Values{"protocol": {"http"}, "domain": {s.Addr}, "localemu": {"true"}}.Encode()
	p := &pair{
		uploadsURL: "azblob://uploads?" + q, assetsURL: "azblob://assets?" + q,
		env:     []string{"AZURE_STORAGE_ACCOUNT=" + servers.AzureAccount, "AZURE_STORAGE_KEY=" + servers.AzureKey},
		uploads: s.Store(t, "uploads").Bucket(), assets: s.Store(t, "assets").Bucket(), notes: []string{"grant_limits", "lifecycle_unknown"},
	}
	setAzureCORS(t, s)
	return p, s
}

func setAzureCORS(t *testing.T, s *servers.Azure) {
	t.Helper()
	var properties struct {
		Rules []*service.CORSRule `xml:"Cors>CorsRule"`
	}
	if err := xml.Unmarshal(documents(t, nil).AzureCORSXML(), &properties); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.SetProperties(t.Context(), &service.SetPropertiesOptions{CORS: properties.Rules}); err != nil {
		t.Fatal(err)
	}
}

// fakeGCS has, thanks to its proxy, CORS, lifecycle and IAM policies. GCS checks no SHA-256.
func fakeGCS(t *testing.T) (*pair, *servers.GCS) {
	t.Helper()
	s := servers.FakeGCS(t)
	keyFile := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(keyFile, s.PrivateKey, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &pair{
		uploadsURL: "gs://uploads?" + url.Values{"access_id": {servers.GCSAccessID}, "private_key_path": {keyFile}}.Encode(), assetsURL: "gs://assets",
		env:     []string{"STORAGE_EMULATOR_HOST=" + strings.TrimPrefix(s.Admin, "http://")},
		uploads: s.Store(t, "uploads").Bucket(), assets: s.Store(t, "assets").Bucket(), notes: []string{"grant_limits"},
	}
	setGCS(t, s, func(u *gcs.BucketAttrsToUpdate) {})
	return p, s
}

// setGCS gives the bucket the documents' settings, as edit changes them.
func setGCS(t *testing.T, s *servers.GCS, edit func(*gcs.BucketAttrsToUpdate)) {
	t.Helper()
	var cors []struct {
		Origin, Method, ResponseHeader []string
		MaxAgeSeconds                  int
	}
	var lifecycle struct {
		Rule []struct {
			Action    struct{ Type string }
			Condition struct {
				Age           int64
				MatchesPrefix []string
			}
		}
	}
	if err := json.Unmarshal(documents(t, nil).GCSUploadCORS(), &cors); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(documents(t, nil).GCSUploadLifecycle(), &lifecycle); err != nil {
		t.Fatal(err)
	}
	update := gcs.BucketAttrsToUpdate{CORS: []gcs.CORS{}, Lifecycle: &gcs.Lifecycle{}}
	for _, r := range cors {
		update.CORS = append(update.CORS, gcs.CORS{Origins: r.Origin, Methods: r.Method, ResponseHeaders: r.ResponseHeader})
	}
	for _, r := range lifecycle.Rule {
		update.Lifecycle.Rules = append(update.Lifecycle.Rules, gcs.LifecycleRule{
			Action: gcs.LifecycleAction{Type: r.Action.Type}, Condition: gcs.LifecycleCondition{AgeInDays: r.Condition.Age, MatchesPrefix: r.Condition.MatchesPrefix},
		})
	}
	edit(&update)
	if _, err := s.Client.Bucket("uploads").Update(t.Context(), update); err != nil {
		t.Fatal(err)
	}
}

func makeGCSPublic(t *testing.T, s *servers.GCS) {
	t.Helper()
	policy := new(iam.Policy)
	policy.Add(iam.AllUsers, "roles/storage.objectViewer")
	if err := s.Client.Bucket("uploads").IAM().SetPolicy(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
}

// files is a pair of folders, which uploads reach through a receiver.
func files(t *testing.T) *pair {
	t.Helper()
	dir := t.TempDir()
	p := &pair{
		uploadsURL: "file://" + filepath.ToSlash(dir) + "/uploads", assetsURL: "file://" + filepath.ToSlash(dir) + "/assets",
		notes: []string{"cors_unchecked", "lifecycle_unknown"},
	}
	var err error
	if p.uploads, err = fileblob.OpenBucket(filepath.Join(dir, "uploads"), &fileblob.Options{CreateDir: true, NoTempDir: true}); err != nil {
		t.Fatal(err)
	}
	if p.assets, err = fileblob.OpenBucket(filepath.Join(dir, "assets"), &fileblob.Options{CreateDir: true, NoTempDir: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = p.uploads.Close(), p.assets.Close() })
	return p
}
