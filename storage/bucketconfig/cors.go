package bucketconfig

import (
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"
)

// The headers that a grant of each store may want, besides those that browsers always may send.
var (
	s3Headers    = []string{"content-type", "content-md5", "cache-control", "if-none-match", "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"}
	gcsHeaders   = []string{"Content-Type", "Content-MD5", "Cache-Control", "x-goog-content-length-range", "x-goog-if-generation-match", "x-goog-hash"}
	azureHeaders = []string{"content-type", "content-md5", "if-none-match", "x-ms-blob-type", "x-ms-blob-content-type", "x-ms-blob-content-md5", "x-ms-blob-cache-control", "x-ms-version"}
)

type s3CORS struct {
	XMLName xml.Name     `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CORSConfiguration" json:"-"`
	Rules   []s3CORSRule `xml:"CORSRule" json:"CORSRules"`
}

type s3CORSRule struct {
	ID             string   `xml:"ID" json:"ID"`
	AllowedOrigins []string `xml:"AllowedOrigin" json:"AllowedOrigins"`
	AllowedMethods []string `xml:"AllowedMethod" json:"AllowedMethods"`
	AllowedHeaders []string `xml:"AllowedHeader" json:"AllowedHeaders"`
	ExposeHeaders  []string `xml:"ExposeHeader" json:"ExposeHeaders"`
	MaxAgeSeconds  int      `xml:"MaxAgeSeconds" json:"MaxAgeSeconds"`
}

func (d *Documents) s3CORS() s3CORS {
	return s3CORS{Rules: []s3CORSRule{{
		ID:             "avatarkit-uploads",
		AllowedOrigins: d.cfg.Origins,
		AllowedMethods: []string{"PUT", "POST"},
		AllowedHeaders: s3Headers,
		ExposeHeaders:  []string{"ETag"},
		MaxAgeSeconds:  d.maxAge(),
	}}}
}

func (d *Documents) maxAge() int { return int(d.cfg.PreflightAge.Seconds()) }

// S3UploadCORS returns the upload bucket's CORS rules as JSON, for the AWS command line and SDKs.
func (d *Documents) S3UploadCORS() []byte { return marshalJSON(d.s3CORS()) }

// S3UploadCORSXML returns the upload bucket's CORS rules as XML, the body of PutBucketCors.
func (d *Documents) S3UploadCORSXML() []byte { return marshalXML(d.s3CORS()) }

type gcsCORSRule struct {
	Origin         []string `json:"origin"`
	Method         []string `json:"method"`
	ResponseHeader []string `json:"responseHeader"`
	MaxAgeSeconds  int      `json:"maxAgeSeconds"`
}

// GCSUploadCORS returns the upload bucket's CORS rules for GCS. GCS's "responseHeader" lists the headers that a request
// may send, too.
func (d *Documents) GCSUploadCORS() []byte {
	return marshalJSON([]gcsCORSRule{{
		Origin:         d.cfg.Origins,
		Method:         []string{"PUT", "POST"},
		ResponseHeader: slices.Concat(gcsHeaders, []string{"ETag", "x-goog-generation"}),
		MaxAgeSeconds:  d.maxAge(),
	}})
}

type azureProperties struct {
	XMLName xml.Name        `xml:"StorageServiceProperties"`
	Rules   []azureCORSRule `xml:"Cors>CorsRule"`
}

type azureCORSRule struct {
	AllowedOrigins  string
	AllowedMethods  string
	MaxAgeInSeconds int
	ExposedHeaders  string
	AllowedHeaders  string
}

// AzureCORSXML returns the account's CORS rules, the body of Set Blob Service Properties. Settings that it does not name
// stay as they are.
func (d *Documents) AzureCORSXML() []byte {
	return marshalXML(azureProperties{Rules: []azureCORSRule{{
		AllowedOrigins:  strings.Join(d.cfg.Origins, ","),
		AllowedMethods:  "PUT",
		MaxAgeInSeconds: d.maxAge(),
		ExposedHeaders:  "etag",
		AllowedHeaders:  strings.Join(azureHeaders, ","),
	}}})
}

// marshalJSON and marshalXML cannot fail: they get only this package's structs of strings and numbers.
func marshalJSON(v any) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v)
	return []byte(b.String())
}

func marshalXML(v any) []byte {
	body, _ := xml.MarshalIndent(v, "", "  ")
	return append([]byte(xml.Header), append(body, '\n')...)
}
