package bucketconfig_test

import (
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/storage/bucketconfig"
)

var update = flag.Bool("update", false, "rewrite the golden files of this package")

func pair() bucketconfig.Config {
	return bucketconfig.Config{
		UploadBucket:   "example-uploads",
		AssetBucket:    "example-assets",
		UploadPrefixes: []string{"uploads/avatars/", "uploads/banners/"},
		AssetPrefixes:  []string{"avatars/", "banners/"},
		Origins:        []string{"https://example.com", "http://localhost:3000"},
	}
}

func must(t *testing.T, body []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestDocuments compares every document with its golden file, exactly, and checks that it is well-formed.
func TestDocuments(t *testing.T) {
	d, err := bucketconfig.New(pair())
	if err != nil {
		t.Fatal(err)
	}
	one := pair()
	one.AssetBucket = one.UploadBucket
	shared, err := bucketconfig.New(one)
	if err != nil {
		t.Fatal(err)
	}
	const topic, queue = "arn:aws:sns:eu-central-1:123456789012:uploads", "arn:aws:sqs:eu-central-1:123456789012:uploads"
	lambda, err1 := d.S3Notification("arn:aws:lambda:eu-central-1:123456789012:function:uploads")
	minio, err2 := d.S3Notification("arn:minio:sqs::uploads:webhook")
	sns, err3 := d.S3Notification(topic)
	topicPolicy, err4 := d.NotificationPolicy(topic, "123456789012")
	queuePolicy, err5 := d.NotificationPolicy(queue, "123456789012")
	documents := map[string][]byte{
		"s3_cors.json": d.S3UploadCORS(), "s3_cors.xml": d.S3UploadCORSXML(),
		"gcs_cors.json": d.GCSUploadCORS(), "azure_cors.xml": d.AzureCORSXML(),
		"s3_upload_lifecycle.json": d.S3UploadLifecycle(), "s3_upload_lifecycle.xml": d.S3UploadLifecycleXML(),
		"s3_asset_lifecycle.json": d.S3AssetLifecycle(), "s3_asset_lifecycle.xml": d.S3AssetLifecycleXML(),
		"s3_shared_lifecycle.json":    shared.S3UploadLifecycle(),
		"minio_upload_lifecycle.json": d.MinIOUploadLifecycle(),
		"gcs_upload_lifecycle.json":   d.GCSUploadLifecycle(), "gcs_asset_lifecycle.json": d.GCSAssetLifecycle(),
		"azure_lifecycle.json": d.AzureLifecycle(),
		"iam_granter.json":     d.IAMGranter(), "iam_processor.json": d.IAMProcessor(), "bucket_policy_tls.json": d.BucketPolicyTLS(),
		"s3_notification_lambda.json": must(t, lambda, err1), "s3_notification_minio.json": must(t, minio, err2),
		"s3_notification_sns.json": must(t, sns, err3), "sns_policy.json": must(t, topicPolicy, err4), "sqs_policy.json": must(t, queuePolicy, err5),
		"gcs_notification.json": d.GCSNotifications("projects/p/topics/uploads")[0],
		"eventgrid_filter.json": d.EventGridFilter(),
	}
	for name, got := range documents {
		t.Run(name, func(t *testing.T) {
			var any1 any
			if strings.HasSuffix(name, ".json") {
				if err := json.Unmarshal(got, &any1); err != nil {
					t.Error(err)
				}
			} else if err := xml.Unmarshal(got, new(struct{ XMLName xml.Name })); err != nil {
				t.Error(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	if string(shared.S3UploadLifecycle()) != string(shared.S3AssetLifecycle()) {
		t.Error("one bucket has two lifecycles: the second to be put would undo the first")
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bucketconfig.Config)
		want   string
	}{
		{"no bucket", func(c *bucketconfig.Config) { c.UploadBucket = "" }, "bucket's name"},
		{"bucket with a wildcard", func(c *bucketconfig.Config) { c.AssetBucket = "as*ts" }, "bucket's name"},
		{"no prefixes", func(c *bucketconfig.Config) { c.UploadPrefixes = nil }, "UploadPrefixes"},
		{"prefix without slash", func(c *bucketconfig.Config) { c.UploadPrefixes = []string{"uploads"} }, "folder"},
		{"prefix with a wildcard", func(c *bucketconfig.Config) { c.UploadPrefixes = []string{"*/"} }, "folder"},
		{"overlap in one bucket", func(c *bucketconfig.Config) {
			c.AssetBucket = c.UploadBucket
			c.AssetPrefixes = []string{"uploads/"}
		}, "overlap"},
		{"records below the uploads", func(c *bucketconfig.Config) { c.RecordPrefix = "uploads/avatars/records/" }, "overlap"},
		{"records below what is published", func(c *bucketconfig.Config) {
			c.AssetBucket = c.UploadBucket
			c.RecordPrefix = "avatars/records/"
		}, "published"},
		{"no origin", func(c *bucketconfig.Config) { c.Origins = nil }, "Origins"},
		{"any origin", func(c *bucketconfig.Config) { c.Origins = []string{"*"} }, "origin"},
		{"any subdomain", func(c *bucketconfig.Config) { c.Origins = []string{"https://*.example.com"} }, "origin"},
		{"origin with a path", func(c *bucketconfig.Config) { c.Origins = []string{"https://example.com/"} }, "origin"},
		{"null origin", func(c *bucketconfig.Config) { c.Origins = []string{"null"} }, "origin"},
		{"negative days", func(c *bucketconfig.Config) { c.AbandonedDays = -1 }, "negative"},
		{"unknown partition", func(c *bucketconfig.Config) { c.Partition = "aws-mars" }, "Partition"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := pair()
			tt.change(&cfg)
			if _, err := bucketconfig.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestNotificationRefuses(t *testing.T) {
	d, err := bucketconfig.New(pair())
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range []string{"", "uploads", "arn:aws:dynamodb:eu-central-1:123456789012:table/t"} {
		if _, err := d.S3Notification(arn); err == nil {
			t.Errorf("%q accepted", arn)
		}
		if _, err := d.NotificationPolicy(arn, "123456789012"); err == nil {
			t.Errorf("%q accepted", arn)
		}
	}
}

func ExampleNew() {
	documents, err := bucketconfig.New(bucketconfig.Config{
		UploadBucket:   "example-uploads",
		AssetBucket:    "example-assets",
		UploadPrefixes: []string{"uploads/avatars/"},
		AssetPrefixes:  []string{"avatars/"},
		Origins:        []string{"https://example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", documents.IAMGranter())
	// Output:
	// {
	//   "Version": "2012-10-17",
	//   "Statement": [
	//     {
	//       "Sid": "Upload",
	//       "Effect": "Allow",
	//       "Action": [
	//         "s3:PutObject"
	//       ],
	//       "Resource": [
	//         "arn:aws:s3:::example-uploads/uploads/avatars/*"
	//       ]
	//     }
	//   ]
	// }
}
