package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// WebhookConfig says whom a [Webhook] believes and what it does with the news.
type WebhookConfig struct {
	// Handle is called once for each upload, in the order of the message. Required. Every sender delivers at least once and
	// in any order, so it must be idempotent. An error makes the sender send the message again, unless it wraps
	// [ErrPermanent]. SNS waits 15 seconds for the answer and Event Grid 30: a slow handler only queues the work.
	Handle func(context.Context, ObjectCreated) error
	// Filter says which objects are uploads. Required.
	Filter Filter
	// TopicARNs are the SNS topics to believe. Empty means that every message from SNS is refused.
	TopicARNs []string
	// Authorize admits a request that SNS did not sign: MinIO, versitygw, Pub/Sub, Event Grid and raw SNS delivery. An error
	// refuses it with 401. Nil means that every such request is refused. [BearerSecret] and [QuerySecret] check a shared
	// secret; for Pub/Sub, verify the OIDC token of the push here. It must be safe for concurrent use.
	Authorize func(*http.Request) error
	// ReplayWindow is how old an SNS message may be. Zero means one hour, the longest that SNS retries a delivery. Within
	// the window a replay is a duplicate as any other. Five minutes of clock skew are allowed on both sides.
	ReplayWindow time.Duration
	// MaxBody is the largest body in bytes; a larger one is refused with 413. Zero means 1 MiB: an SNS message has at most
	// 256 KiB.
	MaxBody int64
	// Client fetches SNS's certificates and confirms subscriptions, both only at https://sns.<region>.amazonaws.com(.cn).
	// Nil means [http.DefaultTransport]. Redirects are never followed.
	Client *http.Client
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
	// Logger gets a record for every event that was dropped or failed; nil means silence.
	Logger *slog.Logger
	// MeterProvider gets the counter avatarkit.storage.events, by outcome; nil means the global one.
	MeterProvider metric.MeterProvider
}

// Webhook is the [http.Handler] to which stores and message services post their notifications. It is safe for
// concurrent use. It answers as the senders understand it:
//
//   - 200 when every record was handled or can never be (broken, foreign, [ErrPermanent]): not to be sent again. MinIO
//     would otherwise repeat the message for ever, and hold up all those behind it;
//   - 503 with Retry-After when a record failed, or SNS's certificate or confirmation could not be reached: send again;
//   - 401 or 403 when the sender is not believed, 400 when an SNS message does not parse, 405, 413: SNS does not send
//     these again.
//
// Errors are problem+json (RFC 9457).
type Webhook struct {
	deliverer    *deliverer
	topics       []string
	authorize    func(*http.Request) error
	replayWindow time.Duration
	maxBody      int64
	client       *http.Client
	certs        *snsCerts
	now          func() time.Time
	log          *slog.Logger
}

// NewWebhook checks the configuration and reports all its faults at once.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	d, err := newDeliverer(cfg.Handle, cfg.Filter, cfg.Logger, cfg.MeterProvider)
	faults := []error{err}
	if len(cfg.TopicARNs) == 0 && cfg.Authorize == nil {
		faults = append(faults, errors.New("neither TopicARNs nor Authorize is set: every message would be refused"))
	}
	for _, arn := range cfg.TopicARNs {
		if !strings.HasPrefix(arn, "arn:aws") || strings.Count(arn, ":") != 5 {
			faults = append(faults, fmt.Errorf("TopicARNs: %q is not the ARN of an SNS topic", arn))
		}
	}
	if cfg.ReplayWindow < 0 || cfg.MaxBody < 0 {
		faults = append(faults, errors.New("ReplayWindow and MaxBody must not be negative"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("storage: webhook: %w", err)
	}
	w := &Webhook{
		deliverer:    d,
		topics:       slices.Clone(cfg.TopicARNs),
		authorize:    cfg.Authorize,
		replayWindow: cfg.ReplayWindow,
		maxBody:      cfg.MaxBody,
		client:       withoutRedirects(cfg.Client),
		now:          cfg.Now,
		log:          d.log,
	}
	if w.replayWindow == 0 {
		w.replayWindow = time.Hour
	}
	if w.maxBody == 0 {
		w.maxBody = 1 << 20
	}
	if w.now == nil {
		w.now = time.Now
	}
	w.certs = &snsCerts{client: w.client, now: w.now}
	return w, nil
}

// ServeHTTP implements [http.Handler].
func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodOptions && r.Header.Get("WebHook-Request-Origin") != "":
		w.allowOrigin(rw, r)
	case r.Method != http.MethodPost:
		rw.Header().Set("Allow", http.MethodPost)
		w.refuse(rw, r, http.StatusMethodNotAllowed, "method_not_allowed", nil)
	case r.Header.Get("X-Amz-Sns-Message-Type") != "" && r.Header.Get("X-Amz-Sns-Rawdelivery") != "true":
		w.serveSNS(rw, r)
	default:
		w.serveAuthorized(rw, r)
	}
}

// serveSNS believes the signature.
func (w *Webhook) serveSNS(rw http.ResponseWriter, r *http.Request) {
	body, ok := w.read(rw, r)
	if !ok {
		return
	}
	var m snsMessage
	if err := json.Unmarshal(body, &m); err != nil {
		w.refuse(rw, r, http.StatusBadRequest, "malformed", err)
		return
	}
	if err := w.verify(r.Context(), &m); err != nil {
		if errors.Is(err, errTransient) {
			w.retry(rw, r, err)
			return
		}
		w.refuse(rw, r, http.StatusForbidden, "not_believed", err)
		return
	}
	switch m.Type {
	case snsNotification:
		w.deliver(rw, r, nil, []byte(m.Message))
	case snsSubscribe:
		w.confirm(rw, r, &m)
	default:
		w.log.WarnContext(r.Context(), "SNS subscription was ended", "topic", m.TopicARN)
		w.answer(rw, nil)
	}
}

// verify checks the cheap things first, so that a stranger cannot make the webhook fetch anything for a foreign topic.
func (w *Webhook) verify(ctx context.Context, m *snsMessage) error {
	if m.Type != snsNotification && m.Type != snsSubscribe && m.Type != snsUnsubscribe {
		return errors.New("unknown type of SNS message")
	}
	if !slices.Contains(w.topics, m.TopicARN) {
		return errors.New("topic is not in TopicARNs")
	}
	if err := m.fresh(w.now(), w.replayWindow); err != nil {
		return err
	}
	address, err := snsCertURL(m.SigningCertURL)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	key, err := w.certs.key(ctx, address)
	if err != nil {
		return err
	}
	return m.verify(key)
}

func (w *Webhook) confirm(rw http.ResponseWriter, r *http.Request, m *snsMessage) {
	address, err := m.confirmURL()
	if err != nil {
		w.refuse(rw, r, http.StatusForbidden, "not_believed", err)
		return
	}
	if _, err := snsGet(r.Context(), w.client, address, maxCert); err != nil {
		w.retry(rw, r, fmt.Errorf("confirm subscription: %w", err))
		return
	}
	w.log.InfoContext(r.Context(), "SNS subscription confirmed", "topic", m.TopicARN)
	w.answer(rw, nil)
}

// serveAuthorized believes whom Authorize believes.
func (w *Webhook) serveAuthorized(rw http.ResponseWriter, r *http.Request) {
	if !w.authorized(rw, r) {
		return
	}
	body, ok := w.read(rw, r)
	if !ok {
		return
	}
	if code := eventGridHandshake(body); code != "" {
		w.answer(rw, map[string]string{"validationResponse": code})
		return
	}
	attributes := make(map[string]string, len(r.Header))
	for name, values := range r.Header {
		attributes[name] = values[0]
	}
	w.deliver(rw, r, attributes, body)
}

// allowOrigin answers the handshake by which a sender of CloudEvents, such as Event Grid, asks whether it may send here.
// https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md
func (w *Webhook) allowOrigin(rw http.ResponseWriter, r *http.Request) {
	if !w.authorized(rw, r) {
		return
	}
	rw.Header().Set("WebHook-Allowed-Origin", r.Header.Get("WebHook-Request-Origin"))
	if r.Header.Get("WebHook-Request-Rate") != "" {
		rw.Header().Set("WebHook-Allowed-Rate", "*")
	}
	rw.Header().Set("Allow", http.MethodPost)
	rw.WriteHeader(http.StatusOK)
}

func (w *Webhook) authorized(rw http.ResponseWriter, r *http.Request) bool {
	err := errors.New("no Authorize is configured")
	if w.authorize != nil {
		err = w.authorize(r)
	}
	if err != nil {
		rw.Header().Set("WWW-Authenticate", "Bearer")
		w.refuse(rw, r, http.StatusUnauthorized, "unauthorized", err)
	}
	return err == nil
}

func (w *Webhook) read(rw http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, w.maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		w.refuse(rw, r, http.StatusRequestEntityTooLarge, "too_large", err)
	case err != nil:
		w.refuse(rw, r, http.StatusBadRequest, "incomplete", err)
	}
	return body, err == nil
}

func (w *Webhook) deliver(rw http.ResponseWriter, r *http.Request, attributes map[string]string, body []byte) {
	events, malformed := ParseMessage(attributes, body)
	t, err := w.deliverer.deliver(r.Context(), events, malformed)
	if err != nil {
		w.retry(rw, r, err)
		return
	}
	w.answer(rw, t)
}

// eventGridHandshake returns the code that Event Grid wants back before it sends anything; empty for other bodies.
// https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
func eventGridHandshake(body []byte) string {
	if !bytes.Contains(body, []byte(eventGridSubscription)) {
		return ""
	}
	var events []struct {
		EventType string `json:"eventType"`
		Data      struct {
			ValidationCode string `json:"validationCode"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &events) != nil || len(events) != 1 || events[0].EventType != eventGridSubscription {
		return ""
	}
	return events[0].Data.ValidationCode
}
