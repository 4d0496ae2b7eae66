// Package azurestore grants uploads to Azure Blob Storage.
//
// A grant is a service SAS for one blob, also where only a maximum is known: Azure has no POST policies. What the store itself
// refuses:
//
//	method, expiry    yes
//	content_type      no
//	size, max_bytes   no
//	sha256            no
//	write_once        yes: the SAS may create a blob and not replace one
//
// So whoever takes the upload in must check type, size and digest. The uploader must send the header x-ms-blob-type, which is
// in the grant.
//
// Write to an Azure bucket with [blob.Bucket.Upload], not with WriteAll or NewWriter: in gocloud.dev v0.47 those panic
// when Azure refuses the write.
//
// The account needs CORS rules for the browser; package bucketconfig writes them.
package azurestore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/internal/storeerr"
	"github.com/cruddur/avatarkit/storage/internal/storeurl"
)

// Options are what has a default. Nil means all of them.
type Options struct {
	// Endpoint is the service's URL as uploaders reach it, such as "https://uploads.example.com", when it differs from the
	// client's own. Its scheme and host replace those of the URL. Empty means the client's endpoint.
	Endpoint string
}

// Store grants uploads to one container. It is safe for concurrent use.
type Store struct {
	client  *container.Client
	bucket  *blob.Bucket
	address string // of the container, as uploaders reach it
}

var _ storage.Store = (*Store)(nil)

// New returns a Store for the client's container. The client needs a shared key credential, since that signs the SAS.
// New does no I/O.
func New(client *container.Client, opts *Options) (*Store, error) {
	if client == nil {
		return nil, errors.New("azurestore: client is nil")
	}
	address, err := url.Parse(client.URL())
	if err != nil {
		return nil, errors.New("azurestore: the client's URL is malformed")
	}
	address.RawQuery = "" // a client may be made with a SAS of its own
	if opts != nil && opts.Endpoint != "" {
		public, err := storeurl.Endpoint(opts.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("azurestore: %w", err)
		}
		address.Scheme, address.Host = public.Scheme, public.Host
	}
	bucket, err := azureblob.OpenBucket(context.Background(), client, nil)
	if err != nil {
		return nil, fmt.Errorf("azurestore: %w", err)
	}
	return &Store{client: client, bucket: bucket, address: strings.TrimRight(address.String(), "/")}, nil
}

// Open opens "azblob://container", with gocloud's parameters (storage_account, protocol, domain, localemu) and the
// credentials in AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY.
func Open(ctx context.Context, urlstr string, opts *Options) (*Store, error) {
	u, err := url.Parse(urlstr)
	if err != nil || u.Scheme != azureblob.Scheme || u.Host == "" {
		return nil, errors.New("azurestore: want a URL of the form azblob://container")
	}
	opener := azureblob.URLOpener{MakeClient: azureblob.NewDefaultClient, ServiceURLOptions: *azureblob.NewDefaultServiceURLOptions()}
	b, err := opener.OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("azurestore: %w", err)
	}
	defer b.Close()
	var client *container.Client
	if !b.As(&client) {
		return nil, errors.New("azurestore: gocloud's bucket has no container client")
	}
	return New(client, opts)
}

// Bucket returns the bucket of the uploads.
func (s *Store) Bucket() *blob.Bucket { return s.bucket }

// WrapError implements [storage.Store].
func (s *Store) WrapError(err error) error {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return storeerr.Wrap(err, answer.StatusCode)
	}
	return storage.Error(err)
}

// GrantUpload signs locally.
func (s *Store) GrantUpload(_ context.Context, key string, p storage.Policy) (*storage.Grant, error) {
	p, err := p.Check()
	if err = errors.Join(err, storage.ValidateKey(key)); err != nil {
		return nil, err
	}
	expires := time.Now().Add(p.Expires).UTC().Truncate(time.Second)
	signed, err := s.client.NewBlockBlobClient(key).GetSASURL(sas.BlobPermissions{Create: true, Write: p.Overwrite}, expires, nil)
	if err != nil {
		return nil, fmt.Errorf("azurestore: signing needs a client with a shared key: %w: %w", storage.ErrPermission, err)
	}
	values := []string{p.ContentType, "BlockBlob"}
	g := &storage.Grant{
		Method: http.MethodPut, URL: s.uploadURL(signed, key), Key: key, UploadID: p.UploadID, Expires: expires, MaxBytes: p.MaxBytes,
		Header:   http.Header{"Content-Type": values[:1:1], "X-Ms-Blob-Type": values[1:]},
		Enforced: []string{storage.EnforceExpiry, storage.EnforceMethod, storage.EnforceWriteOnce},
	}
	if p.CacheControl != "" {
		g.Header.Set("X-Ms-Blob-Cache-Control", p.CacheControl)
	}
	if p.Overwrite {
		g.Enforced = g.Enforced[:2]
	}
	return g, nil
}

// uploadURL puts the signature of the SDK's URL behind the public address: a SAS signs account, container and blob, but not
// the host. It also leaves the key's slashes as they are; the SDK escapes them, which is not wrong, but which some proxies
// refuse.
func (s *Store) uploadURL(signed, key string) string {
	_, signature, _ := strings.Cut(signed, "?")
	path := url.URL{Path: "/" + key}
	return s.address + path.EscapedPath() + "?" + signature
}
