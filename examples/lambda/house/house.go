// Package house opens the two buckets and the processor for the functions that need them; the authorizer does not link it.
package house

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob/s3blob"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/examples/lambda/function"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// Buckets are the settings of the two buckets.
type Buckets struct {
	Uploads, Assets string
	pathStyle       bool
}

// Settings reads the settings of the two buckets.
func Settings(s *function.Settings) Buckets {
	b := Buckets{Uploads: s.Text("UPLOADS_BUCKET_NAME"), Assets: s.Text("ASSETS_BUCKET_NAME"), pathStyle: s.Optional("S3_PATH_STYLE") == "true"}
	if b.Uploads != "" && b.Uploads == b.Assets {
		s.Fault("UPLOADS_BUCKET_NAME and ASSETS_BUCKET_NAME are one bucket: originals must not lie where the public reads")
	}
	return b
}

// Pictures is the opened house of pictures.
type Pictures struct {
	Store     *s3store.Store
	Processor *avatar.Processor
	MaxBytes  int64
}

// Open makes the clients and the processor. It does no I/O but for credentials.
func (b Buckets) Open(ctx context.Context, log *slog.Logger) (*Pictures, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = b.pathStyle })
	store, err := s3store.New(client, b.Uploads, nil)
	if err != nil {
		return nil, err
	}
	assets, err := s3blob.OpenBucket(ctx, client, b.Assets, nil)
	if err != nil {
		return nil, err
	}
	pipeline, err := avatar.New(avatar.Config{Kind: avatar.AvatarKind(), Logger: log})
	if err != nil {
		return nil, err
	}
	processor, err := avatar.NewProcessor(pipeline, store.Bucket(), assets, &avatar.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	return &Pictures{Store: store, Processor: processor, MaxBytes: pipeline.MaxBytes()}, nil
}

// Filter takes the events of uploads, and drops those of everything that the processor itself writes.
func (b Buckets) Filter() storage.Filter {
	return storage.Filter{Buckets: []string{b.Uploads}, Prefixes: []string{"uploads/avatars/"}, Output: []string{"avatars/", "records/"}}
}

// Handle processes one upload. Events come more than once and in any order: the processor does not mind.
func (p *Pictures) Handle(ctx context.Context, e storage.ObjectCreated) error {
	_, err := p.Processor.Process(ctx, e.Key)
	return err
}
