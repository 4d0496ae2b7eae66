package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gcs "cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// checkLifecycle looks for a rule that removes abandoned uploads.
func (d *doctor) checkLifecycle(ctx context.Context) error {
	missing, err := d.uncovered(ctx)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		d.report.note(finding{Code: "lifecycle_unknown", Detail: err.Error(), Fix: "if there is no rule, run storage.Sweeper now and then: it removes abandoned uploads"})
	case err != nil:
		return err
	case len(missing) > 0:
		fix, document := d.lifecycleFix()
		d.report.problem(finding{Code: "lifecycle_missing", Detail: "abandoned uploads stay for ever below " + strings.Join(missing, ", "), Fix: fix, Document: document})
	}
	return nil
}

// uncovered returns the upload prefixes that no rule expires. The error is errors.ErrUnsupported where nobody can know.
func (d *doctor) uncovered(ctx context.Context) ([]string, error) {
	var rules []string // prefixes of enabled rules that delete
	var err error
	switch d.scheme {
	case "s3":
		rules, err = d.s3Rules(ctx)
	case "gs":
		rules, err = d.gcsRules(ctx)
	case "azblob":
		err = fmt.Errorf("lifecycle rules are settings of the Azure account, where the doctor has no access: %w", errors.ErrUnsupported)
	default:
		err = fmt.Errorf("a folder has no lifecycle rules: %w", errors.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, prefix := range d.cfg.uploadPrefixes {
		covered := false
		for _, rule := range rules {
			covered = covered || strings.HasPrefix(prefix, rule)
		}
		if !covered {
			missing = append(missing, prefix)
		}
	}
	return missing, nil
}

func (d *doctor) s3Rules(ctx context.Context) ([]string, error) {
	var client *s3.Client
	if !d.uploads.Bucket().As(&client) {
		return nil, errors.New("the bucket has no S3 client")
	}
	out, err := client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &d.bucket})
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NoSuchLifecycleConfiguration":
			return nil, nil
		case "NotImplemented":
			return nil, fmt.Errorf("this server knows no lifecycle rules: %w", errors.ErrUnsupported)
		}
		return nil, fmt.Errorf("read the lifecycle rules (s3:GetLifecycleConfiguration): %s", api.ErrorCode())
	}
	if err != nil {
		return nil, err
	}
	var prefixes []string
	for _, rule := range out.Rules {
		if rule.Status != types.ExpirationStatusEnabled || rule.Expiration == nil || rule.Expiration.Days == nil {
			continue
		}
		var prefix string
		switch f := rule.Filter; {
		case f != nil && f.Prefix != nil:
			prefix = *f.Prefix
		case f != nil && (f.And != nil || f.Tag != nil || f.ObjectSizeGreaterThan != nil || f.ObjectSizeLessThan != nil):
			continue // does not hold for every upload
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

func (d *doctor) gcsRules(ctx context.Context) ([]string, error) {
	var client *gcs.Client
	if !d.uploads.Bucket().As(&client) {
		return nil, errors.New("the bucket has no GCS client")
	}
	attrs, err := client.Bucket(d.bucket).Attrs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the bucket's settings (storage.buckets.get): %w", err)
	}
	var prefixes []string
	for _, rule := range attrs.Lifecycle.Rules {
		if rule.Action.Type != gcs.DeleteAction || rule.Condition.AgeInDays == 0 {
			continue
		}
		if len(rule.Condition.MatchesPrefix) == 0 {
			prefixes = append(prefixes, "")
		}
		prefixes = append(prefixes, rule.Condition.MatchesPrefix...)
	}
	return prefixes, nil
}
