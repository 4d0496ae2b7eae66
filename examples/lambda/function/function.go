// Package function is what the Lambda functions of examples/lambda share: settings, and HTTP behind an API Gateway.
//
//	examples/lambda/authorizer   the Lambda authorizer of an HTTP API (payload 2.0, simple response)
//	examples/lambda/upload       POST /avatars/key_upload behind that authorizer, and OPTIONS without it
//	examples/lambda/pictures     uploads become pictures: events from S3, SNS, SQS or EventBridge
//	examples/lambda/webhook      POST /webhooks/avatar, for SNS and for stores that are not Amazon's
//
// Build each as the custom runtime wants it, and zip the one file:
//
//	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -ldflags '-s -w' -o bootstrap ./examples/lambda/upload
//
// # Settings
//
// They come from the environment and are checked at the start; what is missing is logged at once, all names together, and the
// function does not start.
//
//	UPLOADS_BUCKET_NAME   upload, pictures, webhook   the bucket that browsers upload to
//	ASSETS_BUCKET_NAME    upload, pictures, webhook   the bucket of published pictures
//	ORIGINS               upload                      pages that may call, as scheme://host, separated by commas
//	USER_POOL_ID          authorizer                  such as eu-west-1_AbCdEf123
//	CLIENT_ID             authorizer                  app clients whose tokens are accepted, separated by commas
//	ISSUER                authorizer, optional        instead of what USER_POOL_ID implies, for an emulator
//	TOPIC_ARNS            webhook                     SNS topics to believe, separated by commas; or
//	WEBHOOK_SECRET        webhook                     what other senders show as a Bearer token
//	S3_PATH_STYLE         all but authorizer          "true" for a server such as MinIO; its URL is AWS_ENDPOINT_URL_S3
//
// # Around the functions
//
// The gateway's own CORS settings stay empty: it would answer preflights itself and drop the headers of the function. The
// identity source of the authorizer is $request.header.Authorization, and its cache lives shorter than a token. The pictures
// function wants 1 GB (the pipeline's own budget is 256 MB), 60 seconds, arm64, and for SQS the setting
// ReportBatchItemFailures; give the other functions 256 MB and 10 seconds. storage/bucketconfig writes their IAM policies.
package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// Start reads the settings, builds the handler, and serves until the end of the process. When it cannot, it logs why and exits.
func Start(build func(context.Context, *Settings, *slog.Logger) (handler any, err error)) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	handler, err := build(context.Background(), NewSettings(os.Getenv), log)
	if err != nil {
		log.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handler)
}

// Settings reads the environment and remembers what is missing. It is for one goroutine.
type Settings struct {
	env     func(string) string
	missing []string
	faults  []error
}

// NewSettings reads from env, such as [os.Getenv].
func NewSettings(env func(string) string) *Settings { return &Settings{env: env} }

// Text is a required setting.
func (s *Settings) Text(name string) string {
	v := s.env(name)
	if v == "" {
		s.missing = append(s.missing, name)
	}
	return v
}

// Optional is a setting that may be empty.
func (s *Settings) Optional(name string) string { return s.env(name) }

// List is a required setting of several values, separated by commas.
func (s *Settings) List(name string) []string {
	list := split(s.env(name))
	if len(list) == 0 {
		s.missing = append(s.missing, name)
	}
	return list
}

// OptionalList is a List that may be empty.
func (s *Settings) OptionalList(name string) []string { return split(s.env(name)) }

// Fault adds what is wrong with a setting.
func (s *Settings) Fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf(format, args...))
}

// Err returns everything that is missing or wrong, or nil. Call it when all settings have been read.
func (s *Settings) Err() error {
	faults := s.faults
	if len(s.missing) > 0 {
		faults = append([]error{fmt.Errorf("set these environment variables: %s", strings.Join(s.missing, ", "))}, faults...)
	}
	return errors.Join(faults...)
}

func split(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
