package bucketconfig

type iamPolicy struct {
	Version   string         `json:"Version"`
	Statement []iamStatement `json:"Statement"`
}

type iamStatement struct {
	Sid       string         `json:"Sid"`
	Effect    string         `json:"Effect"`
	Principal map[string]any `json:"Principal,omitempty"`
	Action    []string       `json:"Action"`
	Resource  []string       `json:"Resource"`
	Condition map[string]any `json:"Condition,omitempty"`
}

func policy(statements ...iamStatement) []byte {
	return marshalJSON(iamPolicy{"2012-10-17", statements})
}

func (d *Documents) bucketARN(bucket string) string {
	return "arn:" + d.cfg.Partition + ":s3:::" + bucket
}

func (d *Documents) objectARNs(bucket string, prefixes ...string) []string {
	var arns []string
	for _, p := range prefixes {
		arns = append(arns, d.bucketARN(bucket)+"/"+p+"*")
	}
	return arns
}

func allow(sid string, resources []string, actions ...string) iamStatement {
	return iamStatement{Sid: sid, Effect: "Allow", Action: actions, Resource: resources}
}

// list allows listing below the prefixes. Without it S3 answers 403 where there is no object, so that "not yet" looks
// like "not allowed".
func (d *Documents) list(sid, bucket string, prefixes ...string) iamStatement {
	s := allow(sid, []string{d.bucketARN(bucket)}, "s3:ListBucket")
	var patterns []string
	for _, p := range prefixes {
		patterns = append(patterns, p+"*")
	}
	s.Condition = map[string]any{"StringLike": map[string]any{"s3:prefix": patterns}}
	return s
}

// IAMGranter returns the IAM policy of the service that issues grants: it may upload, and nothing else. A presigned URL
// can do what its signer may do, so this bounds what a stolen signing key is good for.
func (d *Documents) IAMGranter() []byte {
	return policy(allow("Upload", d.objectARNs(d.cfg.UploadBucket, d.cfg.UploadPrefixes...), "s3:PutObject"))
}

// IAMProcessor returns the IAM policy of the service that processes uploads: it reads and removes uploads, keeps
// records, and publishes.
func (d *Documents) IAMProcessor() []byte {
	c := d.cfg
	return policy(
		allow("Uploads", d.objectARNs(c.UploadBucket, c.UploadPrefixes...), "s3:GetObject", "s3:DeleteObject"),
		allow("Records", d.objectARNs(c.UploadBucket, c.RecordPrefix), "s3:GetObject", "s3:PutObject"),
		d.list("ListUploads", c.UploadBucket, append(append([]string{}, c.UploadPrefixes...), c.RecordPrefix)...),
		allow("Assets", d.objectARNs(c.AssetBucket, c.AssetPrefixes...), "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
		d.list("ListAssets", c.AssetBucket, c.AssetPrefixes...),
	)
}

// BucketPolicyTLS returns the upload bucket's policy that refuses requests without TLS: a grant's URL is a secret.
func (d *Documents) BucketPolicyTLS() []byte {
	return policy(iamStatement{
		Sid: "OnlyTLS", Effect: "Deny", Principal: map[string]any{"AWS": "*"}, Action: []string{"s3:*"},
		Resource:  []string{d.bucketARN(d.cfg.UploadBucket), d.bucketARN(d.cfg.UploadBucket) + "/*"},
		Condition: map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	})
}
