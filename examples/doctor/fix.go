package main

import (
	"fmt"
	"strings"
)

// corsFix is the command, and the document that it applies.
func (d *doctor) corsFix() (fix, document string) {
	if d.docs == nil {
		return "name exactly these origins in the receiver's configuration (localstore.Config.Origins): " + strings.Join(d.cfg.origins, ", "), ""
	}
	switch d.scheme {
	case "s3":
		return fmt.Sprintf("aws s3api put-bucket-cors --bucket %s --cors-configuration file://cors.json (on MinIO set MINIO_API_CORS_ALLOW_ORIGIN=%s instead)",
			d.bucket, strings.Join(d.cfg.origins, ",")), string(d.docs.S3UploadCORS())
	case "gs":
		return fmt.Sprintf("gcloud storage buckets update gs://%s --cors-file=cors.json", d.bucket), string(d.docs.GCSUploadCORS())
	default:
		return "send this as the body of Set Blob Service Properties; it holds for the whole account", string(d.docs.AzureCORSXML())
	}
}

func (d *doctor) lifecycleFix() (fix, document string) {
	if d.docs == nil {
		return "add a rule that deletes uploads after a few days", ""
	}
	if d.scheme == "gs" {
		return fmt.Sprintf("gcloud storage buckets update gs://%s --lifecycle-file=lifecycle.json", d.bucket), string(d.docs.GCSUploadLifecycle())
	}
	return fmt.Sprintf("aws s3api put-bucket-lifecycle-configuration --bucket %s --lifecycle-configuration file://lifecycle.json", d.bucket), string(d.docs.S3UploadLifecycle())
}

func (d *doctor) privateFix() string {
	switch d.scheme {
	case "s3":
		return fmt.Sprintf("aws s3api put-public-access-block --bucket %s --public-access-block-configuration "+
			"BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true (elsewhere: remove the bucket's policy)", d.bucket)
	case "gs":
		return fmt.Sprintf("gcloud storage buckets update gs://%s --public-access-prevention --uniform-bucket-level-access", d.bucket)
	case "azblob":
		return fmt.Sprintf("az storage container set-permission --name %s --public-access off", d.bucket)
	}
	return "serve nothing from the folder of uploads"
}

func (d *doctor) signers() string {
	switch d.scheme {
	case "gs":
		return "a service account key, or iam.serviceAccounts.signBlob"
	case "azblob":
		return "a shared key (AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY)"
	}
	return "the AWS SDK finds them in the environment, the shared files or the instance"
}

func (d *doctor) originFix() string {
	switch d.scheme {
	case "s3":
		return "on CloudFront an origin access control, and a bucket policy with s3:GetObject for it"
	case "gs":
		return "roles/storage.objectViewer for the CDN"
	}
	return "read access for the CDN"
}

func (d *doctor) missingFix() string {
	if d.scheme == "s3" {
		return "give the CDN's origin access s3:ListBucket on the assets bucket beside s3:GetObject (S3 hides from others whether a key exists), " +
			"or map 403 to 404 with a custom error response"
	}
	return "let the CDN list the assets bucket, or map 403 to 404"
}

// refusalFix explains the refusals of right uploads that people meet.
func refusalFix(a answer) string {
	switch {
	case strings.Contains(a.body, "SignatureDoesNotMatch"):
		return "a proxy or CDN changes the host, path or headers: it must pass all on as they are, the Host header too; or the secret key is wrong"
	case strings.Contains(a.body, "RequestTimeTooSkewed") || strings.Contains(a.body, "not yet valid"):
		return "synchronise this machine's clock"
	case strings.Contains(a.body, "AccessDenied"), a.status == 403:
		return "the signer may not write: give it the policy that bucketconfig's IAMGranter writes"
	case strings.Contains(a.body, "NoSuchBucket"), strings.Contains(a.body, "ContainerNotFound"), a.status == 404:
		return "-endpoint must lead to the store of -uploads"
	case a.status == 501:
		return "this store knows no such upload: set s3store.Options.NoForms and let clients say the size"
	}
	return "see the store's log"
}
