package app

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cruddur/avatarkit/profile"
)

const eventsCookie = "avatarkit_events"

// tell publishes that something of the handle's page changed; pages read it again.
func (a *App) tell(handle, what string) {
	data, err := json.Marshal(map[string]string{"handle": handle})
	if err != nil {
		return // cannot happen: two strings
	}
	a.cfg.Hub.Publish(profile.Event{Topic: strings.ToLower(handle), Name: what, Data: data})
}

// ticket gives what opens /events: a ticket in the body, a session in a cookie.
func (a *App) ticket(w http.ResponseWriter, r *http.Request, _ Identity) error {
	const session, once = 12 * time.Hour, time.Minute
	http.SetCookie(w, &http.Cookie{
		Name: eventsCookie, Value: a.tickets.issue(session, false), Path: "/events", MaxAge: int(session.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	return writeJSON(w, http.StatusOK, map[string]any{"ticket": a.tickets.issue(once, true), "expires_in": int(once.Seconds())})
}

func (a *App) events(w http.ResponseWriter, r *http.Request) error {
	cookie, err := r.Cookie(eventsCookie)
	if !(err == nil && a.tickets.admit(cookie.Value)) && !a.tickets.admit(r.URL.Query().Get("ticket")) {
		return fail(http.StatusUnauthorized, "ticket", "ask /api/events/ticket for a ticket first")
	}
	handle := r.URL.Query().Get("handle")
	if handle == "" {
		return fail(http.StatusBadRequest, "invalid_handle", "say whose events: ?handle=…")
	}
	a.cfg.Hub.Stream(strings.ToLower(handle)).ServeHTTP(w, r)
	return nil
}

// maxTickets bounds the memory that signed-in people can take; the oldest go first.
const maxTickets = 100_000

// tickets are random secrets with an end; those for once are gone when used. They live in this process, as the streams do.
type tickets struct {
	now  func() time.Time
	mu   sync.Mutex
	open map[string]pass
	fifo []string
}

type pass struct {
	expires time.Time
	once    bool
}

func newTickets(now func() time.Time) *tickets { return &tickets{now: now, open: map[string]pass{}} }

func (t *tickets) issue(d time.Duration, once bool) string {
	id := rand.Text()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.fifo) >= maxTickets {
		delete(t.open, t.fifo[0])
		t.fifo = t.fifo[1:]
	}
	t.open[id] = pass{t.now().Add(d), once}
	t.fifo = append(t.fifo, id)
	return id
}

func (t *tickets) admit(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.open[id]
	if ok && (p.once || !t.now().Before(p.expires)) {
		delete(t.open, id)
	}
	return ok && t.now().Before(p.expires)
}
