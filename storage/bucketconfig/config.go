package bucketconfig

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config describes a pair of buckets: one that browsers upload to, one that the public reads. They may be the same
// bucket if no prefix of one is within a prefix of the other.
type Config struct {
	// UploadBucket and AssetBucket are the names of the buckets or containers. Required.
	UploadBucket, AssetBucket string
	// UploadPrefixes begin the keys of uploads, such as "uploads/avatars/". Required; each ends with a slash.
	UploadPrefixes []string
	// AssetPrefixes begin the keys of what is published, such as "avatars/". Required; each ends with a slash.
	AssetPrefixes []string
	// RecordPrefix begins the private records in the upload bucket. Empty means "records/".
	RecordPrefix string
	// Origins are the pages that upload, as scheme://host[:port]. Required. No wildcard: any page could then upload with
	// a grant that it has got hold of.
	Origins []string
	// PreflightAge is how long browsers may keep the answer to a preflight. Zero means one hour.
	PreflightAge time.Duration
	// AbandonedDays is when an upload that is still there is removed. Zero means 7. Stores count in whole days.
	AbandonedDays int
	// SupersededDays is when the older version of an object that was overwritten or deleted is removed, in a bucket with
	// versioning. Zero means 30. (Pictures that were superseded by newer ones have keys of their own: the application
	// removes them, a store cannot know.)
	SupersededDays int
	// Partition is AWS's: "aws", "aws-cn" or "aws-us-gov". Empty means "aws".
	Partition string
}

// Documents writes the documents of one checked Config. It is immutable and safe for concurrent use.
type Documents struct {
	cfg Config
}

// bucketName is what S3, GCS and Azure all take, more or less: it keeps ARNs and JSON free of surprises.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)

// New checks the configuration and reports all its faults at once.
func New(cfg Config) (*Documents, error) {
	cfg = cfg.withDefaults()
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("bucketconfig: "+format, args...))
	}
	for _, name := range []string{cfg.UploadBucket, cfg.AssetBucket} {
		if !bucketName.MatchString(name) {
			fault("%q is not a bucket's name", name)
		}
	}
	if len(cfg.UploadPrefixes) == 0 || len(cfg.AssetPrefixes) == 0 {
		fault("UploadPrefixes and AssetPrefixes must not be empty")
	}
	for _, p := range slices.Concat(cfg.UploadPrefixes, cfg.AssetPrefixes, []string{cfg.RecordPrefix}) {
		if !strings.HasSuffix(p, "/") || strings.HasPrefix(p, "/") || strings.ContainsAny(p, "*?$\"\\%") || strings.Contains(p, "..") {
			fault("prefix %q must be a folder: no leading slash, a slash at the end, no wildcard", p)
		}
	}
	faults = append(faults, cfg.overlaps()...)
	if len(cfg.Origins) == 0 {
		fault("Origins must not be empty")
	}
	for _, o := range cfg.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != o || strings.Contains(o, "*") {
			fault("origin %q is not scheme://host[:port]", o)
		}
	}
	if cfg.PreflightAge < 0 || cfg.AbandonedDays < 0 || cfg.SupersededDays < 0 {
		fault("PreflightAge, AbandonedDays and SupersededDays must not be negative")
	}
	if !slices.Contains([]string{"aws", "aws-cn", "aws-us-gov"}, cfg.Partition) {
		fault("Partition %q is not one of AWS's", cfg.Partition)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Documents{cfg}, nil
}

func (c Config) withDefaults() Config {
	c.UploadPrefixes, c.AssetPrefixes, c.Origins = slices.Clone(c.UploadPrefixes), slices.Clone(c.AssetPrefixes), slices.Clone(c.Origins)
	if c.RecordPrefix == "" {
		c.RecordPrefix = "records/"
	}
	if c.PreflightAge == 0 {
		c.PreflightAge = time.Hour
	}
	if c.AbandonedDays == 0 {
		c.AbandonedDays = 7
	}
	if c.SupersededDays == 0 {
		c.SupersededDays = 30
	}
	if c.Partition == "" {
		c.Partition = "aws"
	}
	return c
}

// overlaps finds prefixes within one another where they must not be: publishing there would start the pipeline again,
// and the lifecycle of uploads would remove records or published pictures.
func (c Config) overlaps() []error {
	others := []string{c.RecordPrefix}
	if c.UploadBucket == c.AssetBucket {
		others = append(others, c.AssetPrefixes...)
	}
	var faults []error
	for _, up := range c.UploadPrefixes {
		for _, o := range others {
			if strings.HasPrefix(up, o) || strings.HasPrefix(o, up) {
				faults = append(faults, fmt.Errorf("bucketconfig: the upload prefix %q and %q overlap in one bucket", up, o))
			}
		}
	}
	if c.UploadBucket == c.AssetBucket {
		for _, a := range c.AssetPrefixes {
			if strings.HasPrefix(a, c.RecordPrefix) || strings.HasPrefix(c.RecordPrefix, a) {
				faults = append(faults, fmt.Errorf("bucketconfig: records %q would be published below %q", c.RecordPrefix, a))
			}
		}
	}
	return faults
}
