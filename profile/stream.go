package profile

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// Stream returns a handler that serves the events of the topics, or of all topics if none is given, as server-sent events (WHATWG HTML, section
// 9.2). Check who may listen before it.
//
// The first message is an event "hello" whose id names the present moment. A page that reconnects sends the last id it saw (the
// browser does so by itself in Last-Event-ID, or the page in the query parameter last_event_id) and receives what it missed. When the hub cannot tell what that
// was, it sends an event "resync": read everything again. A stream ends when the hub closes, when the page is too slow, and when
// the request's context ends; browsers reconnect after two seconds.
func (h *Hub) Stream(topics ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, topics) })
}

// ServeHTTP streams all topics.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve(w, r, nil) }

func (h *Hub) serve(w http.ResponseWriter, r *http.Request, topics []string) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	lastID := r.Header.Get("Last-Event-ID")
	if lastID == "" {
		lastID = r.URL.Query().Get("last_event_id")
	}
	sub, missed, resync, start, err := h.subscribe(lastID, topics)
	if err != nil {
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer h.unsubscribe(sub)

	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	var first bytes.Buffer
	first.WriteString("retry: 2000\n")
	hello := Event{Name: "hello", Data: []byte("{}")}
	if resync {
		hello.Name = "resync"
	}
	// The replay comes before the event that names the present: a page that is cut off in between asks again from where it was.
	for _, s := range missed {
		writeEvent(&first, h.id(s.seq), s.Event)
	}
	writeEvent(&first, h.id(start), hello)
	h.pump(w, r, sub, first.Bytes())
}

// pump writes the first bytes, then events and heartbeats, until the stream ends.
func (h *Hub) pump(w http.ResponseWriter, r *http.Request, sub *subscriber, first []byte) {
	rc := http.NewResponseController(w)
	send := func(b []byte) bool {
		// Not every ResponseWriter has deadlines; without one the server's own limits hold.
		_ = rc.SetWriteDeadline(time.Now().Add(h.cfg.WriteTimeout))
		if _, err := w.Write(b); err != nil {
			return false
		}
		return rc.Flush() == nil
	}
	if !send(first) {
		return
	}
	beat := time.NewTicker(h.cfg.Heartbeat)
	defer beat.Stop()
	var buf bytes.Buffer
	for {
		buf.Reset()
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			buf.WriteString(":\n\n")
		case s, open := <-sub.queue:
			if !open {
				return
			}
			writeEvent(&buf, h.id(s.seq), s.Event)
		}
		if !send(buf.Bytes()) {
			return
		}
	}
}

// writeEvent writes one message. A line break in the name would start a field of its own, so it is dropped; each line of data
// gets its own field.
func writeEvent(b *bytes.Buffer, id string, e Event) {
	b.WriteString("id: " + id + "\n")
	if name := strings.NewReplacer("\r", "", "\n", "").Replace(e.Name); name != "" {
		b.WriteString("event: " + name + "\n")
	}
	data := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(e.Data))
	for line := range strings.SplitSeq(data, "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteString("\n")
}
