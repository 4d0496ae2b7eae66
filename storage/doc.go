// Package storage lets a browser upload straight to an object store, and tells the application when the upload has arrived.
//
// # Grants
//
// A [Granter] turns a key and a [Policy] (type, size, digest, write-once, expiry) into a [Grant]: the whole request that the
// uploader must make. The uploader needs to know nothing of the store. Grant.Enforced says what the store itself refuses;
// whoever takes the upload in checks the rest. Each store is a package, and openstore opens any of them by URL:
//
//	                    s3store             gcsstore           azurestore   localstore (files, memory, a bucket of yours)
//	Policy.Size set     presigned PUT       signed PUT         SAS, PUT     PUT to our receiver
//	  method, expiry    yes                 yes                yes          yes
//	  content_type      yes                 yes                no           yes
//	  size              yes                 yes                no           yes
//	  sha256            yes                 no                 no           yes
//	  write_once        yes                 yes                yes          yes
//	MaxBytes alone      POST policy         signed PUT         SAS, PUT     PUT to our receiver
//	  max_bytes         yes                 yes                no           yes
//	  sha256            yes                 no                 no           yes
//	  write_once        no                  yes                yes          yes
//
// The columns are not promises of documentation alone: package storagetest performs the real requests, right and wrong, and
// checks the list of each grant in both directions. It is run against versitygw, MinIO, Azurite, fake-gcs-server behind a
// proxy that verifies as Google documents, files and memory.
//
// What no store could honour is refused before it is signed: a size of zero or less, more than [MaxExpiry], a key that
// [ValidateKey] refuses. Grants are secrets, so they format and log without their URL, headers and fields.
//
// # Events
//
// [ParseEvents] reads every store's notification, however it was wrapped, as [ObjectCreated]. [Webhook] takes those that are
// posted, after it has made sure who sent them; [Queue] those from a queue or of a Lambda function. Both follow the same rules:
//
//	duplicate            the same record twice in one message is handled once; across messages the handler must be idempotent
//	reordered            handled as it comes: compare upload ids, not times of arrival
//	malformed record     dropped, counted and logged; the other records of the message are handled
//	foreign bucket, key  dropped, counted and logged
//	our own output       dropped and logged as an error: it would make a loop
//	handler failed       the message is sent again, unless the error wraps [ErrPermanent]
//
// # Operators
//
// Package bucketconfig writes the documents that the buckets need: CORS, lifecycle, IAM, notifications. [Sweep] removes
// abandoned uploads from a store without lifecycle rules.
//
// # Errors
//
// Every error of a store matches one of this package's, or [errors.ErrUnsupported], or the context's; the store's own stays in
// the chain. [Store].WrapError does that for errors of a Store's bucket, [Error] for those of any other.
package storage
