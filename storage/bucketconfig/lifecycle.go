package bucketconfig

import (
	"encoding/xml"
	"fmt"
)

type s3Lifecycle struct {
	XMLName xml.Name          `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LifecycleConfiguration" json:"-"`
	Rules   []s3LifecycleRule `xml:"Rule" json:"Rules"`
}

type s3LifecycleRule struct {
	ID         string            `xml:"ID" json:"ID"`
	Status     string            `xml:"Status" json:"Status"`
	Filter     s3Prefix          `xml:"Filter" json:"Filter"`
	Expiration *s3Days           `xml:"Expiration" json:"Expiration,omitempty"`
	Noncurrent *s3NoncurrentDays `xml:"NoncurrentVersionExpiration" json:"NoncurrentVersionExpiration,omitempty"`
	Abort      *s3AbortDays      `xml:"AbortIncompleteMultipartUpload" json:"AbortIncompleteMultipartUpload,omitempty"`
}

type s3Prefix struct {
	Prefix string `xml:"Prefix" json:"Prefix"`
}

type s3Days struct {
	Days int `xml:"Days" json:"Days"`
}

type s3NoncurrentDays struct {
	Days int `xml:"NoncurrentDays" json:"NoncurrentDays"`
}

type s3AbortDays struct {
	Days int `xml:"DaysAfterInitiation" json:"DaysAfterInitiation"`
}

// s3Lifecycle returns the rules of both buckets if they are the same, since S3 replaces all rules of a bucket at once.
func (d *Documents) s3Lifecycle(uploads, assets bool) s3Lifecycle {
	var l s3Lifecycle
	if uploads {
		for i, prefix := range d.cfg.UploadPrefixes {
			l.Rules = append(l.Rules, s3LifecycleRule{
				ID:         fmt.Sprintf("avatarkit-abandoned-%d", i+1),
				Status:     "Enabled",
				Filter:     s3Prefix{prefix},
				Expiration: &s3Days{d.cfg.AbandonedDays},
				Noncurrent: &s3NoncurrentDays{1},
				Abort:      &s3AbortDays{1},
			})
		}
	}
	if assets {
		for i, prefix := range d.cfg.AssetPrefixes {
			l.Rules = append(l.Rules, s3LifecycleRule{
				ID:         fmt.Sprintf("avatarkit-superseded-%d", i+1),
				Status:     "Enabled",
				Filter:     s3Prefix{prefix},
				Noncurrent: &s3NoncurrentDays{d.cfg.SupersededDays},
			})
		}
	}
	return l
}

func (d *Documents) shared() bool { return d.cfg.UploadBucket == d.cfg.AssetBucket }

// S3UploadLifecycle returns the upload bucket's lifecycle rules as JSON: abandoned uploads and parts of multipart uploads
// go. If both buckets are one it has the rules of both.
func (d *Documents) S3UploadLifecycle() []byte { return marshalJSON(d.s3Lifecycle(true, d.shared())) }

// MinIOUploadLifecycle returns the upload bucket's lifecycle rules as JSON in the form that MinIO takes: it refuses rules about
// parts of multipart uploads, which it removes by itself after a day.
func (d *Documents) MinIOUploadLifecycle() []byte {
	l := d.s3Lifecycle(true, d.shared())
	for i := range l.Rules {
		l.Rules[i].Abort = nil
	}
	return marshalJSON(l)
}

// S3UploadLifecycleXML is [Documents.S3UploadLifecycle] as XML, the body of PutBucketLifecycleConfiguration.
func (d *Documents) S3UploadLifecycleXML() []byte {
	return marshalXML(d.s3Lifecycle(true, d.shared()))
}

// S3AssetLifecycle returns the asset bucket's lifecycle rules as JSON: superseded versions go. If both buckets are one it
// has the rules of both.
func (d *Documents) S3AssetLifecycle() []byte { return marshalJSON(d.s3Lifecycle(d.shared(), true)) }

// S3AssetLifecycleXML is [Documents.S3AssetLifecycle] as XML, the body of PutBucketLifecycleConfiguration.
func (d *Documents) S3AssetLifecycleXML() []byte { return marshalXML(d.s3Lifecycle(d.shared(), true)) }

type gcsLifecycle struct {
	Rule []gcsLifecycleRule `json:"rule"`
}

type gcsLifecycleRule struct {
	Action    map[string]string `json:"action"`
	Condition gcsCondition      `json:"condition"`
}

type gcsCondition struct {
	Age                     int      `json:"age,omitempty"`
	DaysSinceNoncurrentTime int      `json:"daysSinceNoncurrentTime,omitempty"`
	IsLive                  *bool    `json:"isLive,omitempty"`
	MatchesPrefix           []string `json:"matchesPrefix"`
}

func (d *Documents) gcsLifecycle(uploads, assets bool) gcsLifecycle {
	var l gcsLifecycle
	add := func(action string, c gcsCondition) {
		l.Rule = append(l.Rule, gcsLifecycleRule{map[string]string{"type": action}, c})
	}
	live := true
	if uploads {
		add("Delete", gcsCondition{Age: d.cfg.AbandonedDays, IsLive: &live, MatchesPrefix: d.cfg.UploadPrefixes})
		add("Delete", gcsCondition{DaysSinceNoncurrentTime: 1, MatchesPrefix: d.cfg.UploadPrefixes})
		add("AbortIncompleteMultipartUpload", gcsCondition{Age: 1, MatchesPrefix: d.cfg.UploadPrefixes})
	}
	if assets {
		add("Delete", gcsCondition{DaysSinceNoncurrentTime: d.cfg.SupersededDays, MatchesPrefix: d.cfg.AssetPrefixes})
	}
	return l
}

// GCSUploadLifecycle returns the upload bucket's lifecycle rules for GCS; of both buckets if they are one.
func (d *Documents) GCSUploadLifecycle() []byte { return marshalJSON(d.gcsLifecycle(true, d.shared())) }

// GCSAssetLifecycle returns the asset bucket's lifecycle rules for GCS; of both buckets if they are one.
func (d *Documents) GCSAssetLifecycle() []byte { return marshalJSON(d.gcsLifecycle(d.shared(), true)) }

type azurePolicy struct {
	Rules []azureRule `json:"rules"`
}

type azureRule struct {
	Enabled    bool            `json:"enabled"`
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Definition azureDefinition `json:"definition"`
}

type azureDefinition struct {
	Actions map[string]map[string]azureAge `json:"actions"`
	Filters azureFilters                   `json:"filters"`
}

type azureAge struct {
	Days int `json:"daysAfterCreationGreaterThan"`
}

type azureFilters struct {
	BlobTypes   []string `json:"blobTypes"`
	PrefixMatch []string `json:"prefixMatch"`
}

// AzureLifecycle returns the account's management policy. Its prefixes begin with the container.
func (d *Documents) AzureLifecycle() []byte {
	rule := func(name, kind string, days int, container string, prefixes []string) azureRule {
		r := azureRule{Enabled: true, Name: name, Type: "Lifecycle"}
		r.Definition.Actions = map[string]map[string]azureAge{kind: {"delete": {days}}}
		r.Definition.Filters.BlobTypes = []string{"blockBlob"}
		for _, p := range prefixes {
			r.Definition.Filters.PrefixMatch = append(r.Definition.Filters.PrefixMatch, container+"/"+p)
		}
		return r
	}
	return marshalJSON(azurePolicy{[]azureRule{
		rule("avatarkit-abandoned", "baseBlob", d.cfg.AbandonedDays, d.cfg.UploadBucket, d.cfg.UploadPrefixes),
		rule("avatarkit-superseded", "version", d.cfg.SupersededDays, d.cfg.AssetBucket, d.cfg.AssetPrefixes),
	}})
}
