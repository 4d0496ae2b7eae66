package storage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxEnvelopes bounds how deep messages may be wrapped in one another: SQS around SNS around S3 makes three.
const maxEnvelopes = 5

// eventParser gathers what one message announces and what is wrong with it.
type eventParser struct {
	events []ObjectCreated
	faults []error
}

// fields is a JSON object whose names keep their case: SNS says "Type" where CloudEvents says "type".
type fields map[string]json.RawMessage

func (p *eventParser) fail(format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%w: %w", ErrMalformedEvent, fmt.Errorf(format, args...)))
}

// created adds an event, unless its key is one that no store could have.
func (p *eventParser) created(e ObjectCreated) {
	switch {
	case e.Key == "":
		p.fail("no object key")
	case !utf8.ValidString(e.Key):
		p.fail("object key is not UTF-8")
	default:
		p.events = append(p.events, e)
	}
}

func (p *eventParser) message(attributes map[string]string, body []byte) {
	if ce, ok := binaryCloudEvent(attributes, body); ok {
		p.cloudEvent(ce, 0)
		return
	}
	if attributes["eventtype"] != "" && attributes["objectid"] != "" {
		p.pubsubNotification(attributes, body)
		return
	}
	p.body(body, 0)
}

// body reads one JSON text: an event, an envelope around one, or an array of them.
func (p *eventParser) body(body []byte, depth int) {
	if depth > maxEnvelopes {
		p.fail("wrapped more than %d times", maxEnvelopes)
		return
	}
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) > 0 && first[0] == '[' {
		var batch []fields
		if err := json.Unmarshal(body, &batch); err != nil {
			p.fail("%w", err)
			return
		}
		for _, f := range batch {
			p.object(f, depth)
		}
		return
	}
	var f fields
	if err := json.Unmarshal(body, &f); err != nil {
		p.fail("%w", err)
		return
	}
	p.object(f, depth)
}

// object tells the dialects apart by the names that only they have.
func (p *eventParser) object(f fields, depth int) {
	switch {
	case f["Records"] != nil:
		p.records(f["Records"], depth)
	case f.text("Event") == "s3:TestEvent":
		// S3 and versitygw announce with it that notifications are set up.
	case f["Type"] != nil && f["TopicArn"] != nil:
		if f.text("Type") == snsNotification {
			p.body([]byte(f.text("Message")), depth+1)
		}
	case f["specversion"] != nil:
		p.cloudEvent(structuredCloudEvent(f), depth)
	case f["detail-type"] != nil && f["source"] != nil:
		p.eventBridge(f)
	case f["eventType"] != nil && f["eventTime"] != nil:
		p.eventGrid(f)
	case f["message"] != nil:
		p.pubsubPush(f["message"], depth)
	default:
		p.fail("no known storage notification")
	}
}

// text returns a string field; empty when it is absent or something else.
func (f fields) text(name string) string {
	var s string
	_ = json.Unmarshal(f[name], &s) // what is no string counts as absent
	return s
}

// size reads a length that JSON writes as a number (S3, Azure) or as a string (GCS). What is no length counts as unknown.
func size(n json.Number) int64 {
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v < 0 {
		return 0
	}
	return v
}

// eventTime reads RFC 3339. What is no time counts as unknown: nothing is decided by it.
func eventTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// unquote removes the quotes of an HTTP entity tag, which versitygw leaves in.
func unquote(etag string) string {
	return strings.Trim(etag, `"`)
}

func lowerKeys(attributes map[string]string) map[string]string {
	lower := make(map[string]string, len(attributes))
	for k, v := range attributes {
		lower[strings.ToLower(k)] = v
	}
	return lower
}
