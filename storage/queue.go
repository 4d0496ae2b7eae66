package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/metric"
)

// QueueConfig says what a [Queue] does with the news. The queue's own permissions say who may send it.
type QueueConfig struct {
	// Handle is called once for each upload, as in [WebhookConfig]. Required.
	Handle func(context.Context, ObjectCreated) error
	// Filter says which objects are uploads. Required.
	Filter Filter
	// Logger gets a record for every event that was dropped or failed; nil means silence.
	Logger *slog.Logger
	// MeterProvider gets the counter avatarkit.storage.events, by outcome; nil means the global one.
	MeterProvider metric.MeterProvider
}

// Queue handles notifications that come through a queue, or that start a function. It is safe for concurrent use.
type Queue struct {
	deliverer *deliverer
}

// NewQueue checks the configuration and reports all its faults at once.
func NewQueue(cfg QueueConfig) (*Queue, error) {
	d, err := newDeliverer(cfg.Handle, cfg.Filter, cfg.Logger, cfg.MeterProvider)
	if err != nil {
		return nil, fmt.Errorf("storage: queue: %w", err)
	}
	return &Queue{deliverer: d}, nil
}

// Message handles one message of any queue; attributes are those beside the body (gocloud's Message.Metadata), or nil.
// Nil means that the message is done with and is to be acknowledged, also when it can never be understood. An error
// means that it is to come again.
func (q *Queue) Message(ctx context.Context, attributes map[string]string, body []byte) error {
	events, malformed := ParseMessage(attributes, body)
	_, err := q.deliverer.deliver(ctx, events, malformed)
	return err
}

// BatchResponse tells SQS which messages of a batch are to come again.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
type BatchResponse struct {
	// BatchItemFailures lists the messages that failed; never nil, since Lambda reads null as a failure of the batch.
	BatchItemFailures []BatchItemFailure `json:"batchItemFailures"`
}

// BatchItemFailure is one failed message.
type BatchItemFailure struct {
	ItemIdentifier string `json:"itemIdentifier"` // the SQS message id
}

// Lambda handles the event of a Lambda function, whatever invoked it; its signature is one that aws-lambda-go's Start takes.
//
// From SQS, failed messages are named in the response, so that only they come again: the event source mapping needs
// ReportBatchItemFailures. In a FIFO queue the messages after a failed one are left untouched and named as well, which
// keeps the order. From S3, SNS or EventBridge directly there is no such answer: a failed record is an error, and Lambda
// repeats the whole event.
func (q *Queue) Lambda(ctx context.Context, payload json.RawMessage) (BatchResponse, error) {
	done := BatchResponse{BatchItemFailures: []BatchItemFailure{}}
	batch := sqsBatch(payload)
	if batch == nil {
		return done, q.Message(ctx, nil, payload)
	}
	var failed error
	for _, m := range batch {
		if failed == nil || !m.fifo() {
			failed = errors.Join(failed, q.item(ctx, m, &done))
			continue
		}
		done.BatchItemFailures = append(done.BatchItemFailures, BatchItemFailure{m.MessageID})
	}
	return done, nil
}

// item handles one SQS message and names it in the response when it failed.
func (q *Queue) item(ctx context.Context, m sqsMessage, done *BatchResponse) error {
	err := q.Message(ctx, nil, []byte(m.Body))
	if err != nil {
		done.BatchItemFailures = append(done.BatchItemFailures, BatchItemFailure{m.MessageID})
	}
	return err
}

// sqsMessage is one record of the event that SQS gives a Lambda.
type sqsMessage struct {
	MessageID string `json:"messageId"`
	Body      string `json:"body"`
	Source    string `json:"eventSource"`
	SourceARN string `json:"eventSourceARN"`
}

func (m sqsMessage) fifo() bool { return strings.HasSuffix(m.SourceARN, ".fifo") }

// sqsBatch returns the messages of an SQS event, or nil for any other event. A message without an id could not be named
// in the response, so such an event is not taken for a batch.
func sqsBatch(payload []byte) []sqsMessage {
	var event struct{ Records []sqsMessage }
	if json.Unmarshal(payload, &event) != nil {
		return nil
	}
	for _, m := range event.Records {
		if m.Source != "aws:sqs" || m.MessageID == "" {
			return nil
		}
	}
	return event.Records
}
