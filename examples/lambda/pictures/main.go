// Command pictures is the Lambda function that makes pictures of uploads. It takes the events of S3, directly or through SNS, SQS
// or EventBridge, whichever invokes it. From SQS, only the messages that failed come again. Package function says how to build
// it and which settings it reads.
package main

import (
	"context"
	"log/slog"

	"github.com/cruddur/avatarkit/examples/lambda/function"
	"github.com/cruddur/avatarkit/examples/lambda/house"
	"github.com/cruddur/avatarkit/storage"
)

func main() { function.Start(build) }

func build(ctx context.Context, s *function.Settings, log *slog.Logger) (any, error) {
	buckets := house.Settings(s)
	if err := s.Err(); err != nil {
		return nil, err
	}
	pictures, err := buckets.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	queue, err := storage.NewQueue(storage.QueueConfig{Handle: pictures.Handle, Filter: buckets.Filter(), Logger: log})
	if err != nil {
		return nil, err
	}
	return queue.Lambda, nil
}
