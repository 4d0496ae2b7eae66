package profile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Event is one piece of news for open pages.
type Event struct {
	// Topic decides who hears of it, such as a handle. Streams choose their topics.
	Topic string
	// Name is the event type that a page listens to, such as "profile". It must not hold line breaks.
	Name string
	// Data is sent as it is, usually JSON. Line breaks are kept.
	Data []byte
}

// HubConfig adjusts a hub. The zero value is ready to use.
type HubConfig struct {
	// Replay is how many past events are kept for pages that reconnect; 0 means 256.
	Replay int
	// Queue is how many events may wait for one slow page before it is disconnected, to reconnect and be replayed; 0 means 32.
	Queue int
	// MaxStreams bounds the open streams; more are answered 503. 0 means 10,000.
	MaxStreams int
	// Heartbeat is the time between comments that keep proxies from closing a quiet stream; 0 means 20 seconds.
	Heartbeat time.Duration
	// WriteTimeout is how long one write to a page may take; 0 means 10 seconds.
	WriteTimeout time.Duration
}

// Hub fans events out to open pages. It is safe for concurrent use, starts no goroutine, and never waits for a page: one that does
// not keep up is disconnected. Close it when the server shuts down, or its streams keep the server waiting.
type Hub struct {
	cfg   HubConfig
	epoch string // tells the ids of this hub from those of an earlier process

	mu     sync.Mutex
	closed bool
	seq    uint64
	past   []sequenced // ring of the last events; the event with number n lies at n % len
	subs   map[*subscriber]struct{}
}

type sequenced struct {
	Event
	seq uint64
}

type subscriber struct {
	topics map[string]bool // nil means all
	queue  chan sequenced  // closed by the hub to end the stream
}

var (
	errHubClosed = errors.New("profile: hub is closed")
	errHubFull   = errors.New("profile: too many open streams")
)

// NewHub returns a hub. Negative values in cfg mean the default, like zero.
func NewHub(cfg HubConfig) *Hub {
	defaults := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	defaults(&cfg.Replay, 256)
	defaults(&cfg.Queue, 32)
	defaults(&cfg.MaxStreams, 10_000)
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = 20 * time.Second
	}
	if cfg.WriteTimeout <= 0 {
		cfg.WriteTimeout = 10 * time.Second
	}
	var epoch [8]byte
	_, _ = rand.Read(epoch[:]) // never fails: crypto/rand ends the process instead
	return &Hub{
		cfg:   cfg,
		epoch: hex.EncodeToString(epoch[:]),
		past:  make([]sequenced, cfg.Replay),
		subs:  map[*subscriber]struct{}{},
	}
}

// Publish tells every open stream of the event's topic. It returns at once. After Close it does nothing.
func (h *Hub) Publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.seq++
	s := sequenced{Event: e, seq: h.seq}
	h.past[h.seq%uint64(len(h.past))] = s
	for sub := range h.subs {
		if !sub.wants(e.Topic) {
			continue
		}
		select {
		case sub.queue <- s:
		default:
			h.remove(sub)
		}
	}
}

// Close ends all streams and refuses new ones. It may be called more than once, and fits http.Server.RegisterOnShutdown.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for sub := range h.subs {
		h.remove(sub)
	}
}

// subscribe opens a subscription. missed are the events since lastID, an id that this hub gave or ""; resync means
// that some may be lost, and start is the number of the newest event at this moment.
func (h *Hub) subscribe(lastID string, topics []string) (sub *subscriber, missed []sequenced, resync bool, start uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, nil, false, 0, errHubClosed
	case len(h.subs) >= h.cfg.MaxStreams:
		return nil, nil, false, 0, errHubFull
	}
	sub = &subscriber{queue: make(chan sequenced, h.cfg.Queue)}
	if len(topics) > 0 {
		sub.topics = make(map[string]bool, len(topics))
		for _, t := range topics {
			sub.topics[t] = true
		}
	}
	h.subs[sub] = struct{}{}
	missed, resync = h.since(lastID, sub)
	return sub, missed, resync, h.seq, nil
}

// since returns the events after lastID that the subscriber wants, or that they are not all known any more.
func (h *Hub) since(lastID string, sub *subscriber) (missed []sequenced, resync bool) {
	if lastID == "" {
		return nil, false
	}
	epoch, number, _ := strings.Cut(lastID, "-")
	last, err := strconv.ParseUint(number, 10, 64)
	if err != nil || epoch != h.epoch || last > h.seq || h.seq-last > uint64(len(h.past)) {
		return nil, true
	}
	for n := last + 1; n <= h.seq; n++ {
		if s := h.past[n%uint64(len(h.past))]; sub.wants(s.Topic) {
			missed = append(missed, s)
		}
	}
	return missed, false
}

func (h *Hub) unsubscribe(sub *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(sub)
}

// remove ends a subscription that may have ended before. The caller holds the lock.
func (h *Hub) remove(sub *subscriber) {
	if _, open := h.subs[sub]; open {
		delete(h.subs, sub)
		close(sub.queue)
	}
}

// id is the SSE id of the event with this number.
func (h *Hub) id(seq uint64) string { return h.epoch + "-" + strconv.FormatUint(seq, 10) }

func (s *subscriber) wants(topic string) bool { return s.topics == nil || s.topics[topic] }
