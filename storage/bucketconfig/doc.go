// Package bucketconfig writes the documents that a pair of buckets needs, all from one [Config], so that they cannot
// contradict one another: who may upload from which page (CORS), when what is removed (lifecycle), which permissions
// the services need and no more (IAM), and where news of uploads goes (notifications).
//
// It does no I/O and links no SDK: each method returns the document as the store's own API and command line take it.
//
//	aws s3api put-bucket-cors --bucket uploads --cors-configuration file://cors.json        S3UploadCORS
//	aws s3api put-bucket-lifecycle-configuration --lifecycle-configuration file://l.json    S3UploadLifecycle
//	aws s3api put-bucket-notification-configuration --notification-configuration file://n   S3Notification
//	gcloud storage buckets update gs://uploads --cors-file=cors.json                         GCSUploadCORS
//	gcloud storage buckets update gs://uploads --lifecycle-file=l.json                       GCSUploadLifecycle
//	az storage account management-policy create --policy @l.json                             AzureLifecycle
//
// The XML forms are the bodies of the REST calls PutBucketCors, PutBucketLifecycleConfiguration and Set Blob Service
// Properties. Azure keeps CORS per account, not per container.
package bucketconfig
