// Command webhook is the Lambda function behind POST /webhooks/avatar of an HTTP API, without the authorizer: SNS signs what it
// posts, and other senders show a secret. It makes the picture before it answers, for which SNS waits 15 seconds; where pictures
// take longer, subscribe a queue and the pictures function to the topic instead. Package function says how to build it and which settings
// it reads.
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
	buckets, topics, secret := house.Settings(s), s.OptionalList("TOPIC_ARNS"), s.Optional("WEBHOOK_SECRET")
	if len(topics) == 0 && secret == "" {
		s.Fault("set TOPIC_ARNS or WEBHOOK_SECRET, or nobody is believed")
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	pictures, err := buckets.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	hook, err := storage.NewWebhook(storage.WebhookConfig{
		Handle: pictures.Handle, Filter: buckets.Filter(), TopicARNs: topics, Authorize: storage.BearerSecret(secret), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return function.HTTP(hook), nil
}
