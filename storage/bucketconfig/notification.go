package bucketconfig

import (
	"fmt"
	"strings"
)

type s3Notification struct {
	Topics    []s3Target `json:"TopicConfigurations,omitempty"`
	Queues    []s3Target `json:"QueueConfigurations,omitempty"`
	Functions []s3Target `json:"LambdaFunctionConfigurations,omitempty"`
}

type s3Target struct {
	ID       string   `json:"Id"`
	Topic    string   `json:"TopicArn,omitempty"`
	Queue    string   `json:"QueueArn,omitempty"`
	Function string   `json:"LambdaFunctionArn,omitempty"`
	Events   []string `json:"Events"`
	Filter   s3Filter `json:"Filter"`
}

type s3Filter struct {
	Key struct {
		Rules []s3FilterRule `json:"FilterRules"`
	} `json:"Key"`
}

type s3FilterRule struct {
	Name  string `json:"Name"`
	Value string `json:"Value"`
}

// S3Notification returns the upload bucket's notification configuration, which sends every ObjectCreated:* event below
// the upload prefixes, and no other, to the topic, queue or function. The ARN may be MinIO's (arn:minio:sqs::ID:webhook).
func (d *Documents) S3Notification(targetARN string) ([]byte, error) {
	parts := strings.SplitN(targetARN, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return nil, fmt.Errorf("bucketconfig: %q is not an ARN", targetARN)
	}
	var n s3Notification
	for i, prefix := range d.cfg.UploadPrefixes {
		t := s3Target{ID: fmt.Sprintf("avatarkit-uploads-%d", i+1), Events: []string{"s3:ObjectCreated:*"}}
		t.Filter.Key.Rules = []s3FilterRule{{"prefix", prefix}}
		switch parts[2] {
		case "sns":
			t.Topic = targetARN
			n.Topics = append(n.Topics, t)
		case "sqs":
			t.Queue = targetARN
			n.Queues = append(n.Queues, t)
		case "lambda":
			t.Function = targetARN
			n.Functions = append(n.Functions, t)
		default:
			return nil, fmt.Errorf("bucketconfig: S3 notifies SNS, SQS and Lambda, not %q", parts[2])
		}
	}
	return marshalJSON(n), nil
}

// NotificationPolicy returns the policy of the SNS topic or SQS queue that lets the upload bucket send to it, and only
// that bucket of only that account. S3 refuses a notification configuration whose target lacks it.
func (d *Documents) NotificationPolicy(targetARN, account string) ([]byte, error) {
	parts := strings.SplitN(targetARN, ":", 6)
	actions := map[string]string{"sns": "sns:Publish", "sqs": "sqs:SendMessage"}
	if len(parts) != 6 || actions[parts[2]] == "" {
		return nil, fmt.Errorf("bucketconfig: %q is not the ARN of a topic or queue", targetARN)
	}
	return policy(iamStatement{
		Sid: "UploadBucketNotifies", Effect: "Allow", Principal: map[string]any{"Service": "s3.amazonaws.com"},
		Action: []string{actions[parts[2]]}, Resource: []string{targetARN},
		Condition: map[string]any{
			"ArnEquals":    map[string]any{"aws:SourceArn": d.bucketARN(d.cfg.UploadBucket)},
			"StringEquals": map[string]any{"aws:SourceAccount": account},
		},
	}), nil
}

type gcsNotification struct {
	Topic            string   `json:"topic"`
	PayloadFormat    string   `json:"payload_format"`
	EventTypes       []string `json:"event_types"`
	ObjectNamePrefix string   `json:"object_name_prefix"`
}

// GCSNotifications returns the bodies of notificationConfigs.insert, one for each upload prefix: GCS takes one prefix each.
// The topic is projects/PROJECT/topics/TOPIC.
func (d *Documents) GCSNotifications(topic string) [][]byte {
	var all [][]byte
	for _, prefix := range d.cfg.UploadPrefixes {
		all = append(all, marshalJSON(gcsNotification{"//pubsub.googleapis.com/" + topic, "JSON_API_V1", []string{"OBJECT_FINALIZE"}, prefix}))
	}
	return all
}

type eventGridFilter struct {
	IncludedEventTypes []string          `json:"includedEventTypes"`
	AdvancedFilters    []eventGridPrefix `json:"advancedFilters"`
}

type eventGridPrefix struct {
	OperatorType string   `json:"operatorType"`
	Key          string   `json:"key"`
	Values       []string `json:"values"`
}

// EventGridFilter returns the "filter" of an Event Grid subscription to the upload container.
func (d *Documents) EventGridFilter() []byte {
	var subjects []string
	for _, prefix := range d.cfg.UploadPrefixes {
		subjects = append(subjects, "/blobServices/default/containers/"+d.cfg.UploadBucket+"/blobs/"+prefix)
	}
	return marshalJSON(eventGridFilter{
		[]string{"Microsoft.Storage.BlobCreated"},
		[]eventGridPrefix{{"StringBeginsWith", "subject", subjects}},
	})
}
