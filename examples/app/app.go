package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/rs/cors"

	"github.com/cruddur/avatarkit/profile"
	"github.com/cruddur/avatarkit/storage"
)

// Identity is who asks, from a verified token.
type Identity struct {
	Subject  string // the user's id, such as Cognito's sub
	Username string // becomes the handle at the first visit
}

// Config joins the parts. All fields are required unless they say otherwise.
type Config struct {
	// Require admits only requests with a valid token, such as auth.Verifier.Require.
	Require func(http.Handler) http.Handler
	// Identity reads what Require put into the context.
	Identity func(context.Context) (Identity, bool)
	// Grants issues permissions to upload.
	Grants storage.Granter
	// Pictures has one entry for each kind that may be uploaded; the seed's requests name none and mean "avatar".
	Pictures map[string]Pictures
	// Profiles keeps the people.
	Profiles *profile.SQLStore
	// Arrived, if set, gets the key of an upload that is there and waits, whenever its owner asks what became of it. So an upload
	// whose notification was lost, or never sent, is processed as well. It must not wait.
	Arrived func(key string)
	// GrantLifetime is how long a grant is valid; 0 means 5 minutes. It must not exceed the processors' Options.GrantLifetime.
	GrantLifetime time.Duration
	// GrantsPerMinute bounds the grants of one person; 0 means 60.
	GrantsPerMinute int
	// Hub tells open pages. Close it at shutdown.
	Hub *profile.Hub
	// Ready returns why the service cannot serve yet, such as pending migrations; nil when it can. Nil means always ready.
	Ready func(context.Context) error
	// Origins are the exact origins, such as "https://example.org", whose pages may call the API. Empty means only its own page.
	Origins []string
	// UploadOrigins and ImageOrigins are foreign origins that the page sends uploads to and shows pictures from.
	UploadOrigins, ImageOrigins []string
	// DevLogin tells the page to offer the sign-in form of the embedded issuer.
	DevLogin bool
	// Logger gets a record for each request; nil means silence.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// App is the service. It is safe for concurrent use.
type App struct {
	cfg     Config
	log     *slog.Logger
	tickets *tickets
	grants  *rate
	mux     *http.ServeMux
	handler http.Handler
}

// New checks the configuration, reports all its faults at once, and does no I/O.
func New(cfg Config) (*App, error) {
	var faults []error
	for name, set := range map[string]bool{
		"Require": cfg.Require != nil, "Identity": cfg.Identity != nil, "Grants": cfg.Grants != nil,
		"Pictures[avatar]": cfg.Pictures["avatar"] != nil, "Profiles": cfg.Profiles != nil, "Hub": cfg.Hub != nil,
	} {
		if !set {
			faults = append(faults, fmt.Errorf("%s is required", name))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &App{
		cfg: cfg, log: cfg.Logger, tickets: newTickets(cfg.Now), mux: http.NewServeMux(),
		grants: &rate{max: cmp.Or(cfg.GrantsPerMinute, 60), now: cfg.Now},
	}
	a.routes()
	a.handler = a.logged(a.cors(a.options(http.HandlerFunc(a.route))))
	return a, nil
}

// ServeHTTP implements [http.Handler].
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Handle adds a route of the caller's, such as the receiver of a local store. Call it before serving.
func (a *App) Handle(pattern string, h http.Handler) { a.mux.Handle(pattern, h) }

func (a *App) routes() {
	open := func(pattern string, h handlerFunc) { a.mux.Handle(pattern, a.answer(h)) }
	token := func(pattern string, h identified) {
		a.mux.Handle(pattern, a.cfg.Require(a.answer(a.identify(h))))
	}
	token("POST /avatars/key_upload", a.keyUpload)
	token("GET /api/uploads/{id}", a.uploadStatus)
	token("DELETE /api/avatar", a.erase)
	open("GET /api/activities/{at}", a.activities)
	token("POST /api/activities", a.post)
	token("GET /api/profile", a.ownProfile)
	token("POST /api/profile/update", a.update)
	token("PATCH /api/profile/update", a.update)
	token("POST /api/events/ticket", a.ticket)
	open("GET /events", a.events)
	open("GET /config.json", a.limits)
	open("GET /healthz", func(w http.ResponseWriter, _ *http.Request) error {
		return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	open("GET /readyz", a.ready)
	a.pageRoutes(open)
}

// handlerFunc is a handler that returns its error.
type handlerFunc func(http.ResponseWriter, *http.Request) error

// identified is a handlerFunc that knows who asks.
type identified func(http.ResponseWriter, *http.Request, Identity) error

// answer is the one place where errors become responses.
func (a *App) answer(h handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		p := a.problemOf(err)
		if p.Status >= 500 && r.Context().Err() == nil { // else nobody waits for the answer
			a.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "route", r.Pattern, "error", err)
		}
		p.write(w)
	})
}

func (a *App) problemOf(err error) *problem {
	var p *problem
	var invalid *profile.ValidationError
	var conflict *profile.ConflictError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &invalid):
		p := fail(http.StatusUnprocessableEntity, "invalid", "some fields cannot be accepted")
		p.Fields = invalid.Fields
		return p
	case errors.As(err, &conflict):
		p := fail(http.StatusPreconditionFailed, "edited_meanwhile", "the profile was edited meanwhile: read it again")
		p.Current = fmt.Sprintf("%q", fmt.Sprint(conflict.Current))
		return p
	case errors.Is(err, profile.ErrNotFound):
		return fail(http.StatusNotFound, "not_found", "no such person")
	case errors.Is(err, profile.ErrCursor):
		return fail(http.StatusBadRequest, "invalid_cursor", "after is not a cursor of this service")
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, storage.ErrPermission):
		return fail(http.StatusServiceUnavailable, "unavailable", "uploads cannot be taken at the moment")
	}
	return fail(http.StatusInternalServerError, "internal", "something went wrong on our side")
}

func (a *App) identify(h identified) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, ok := a.cfg.Identity(r.Context())
		if !ok {
			return fail(http.StatusUnauthorized, "unauthorized", "sign in first")
		}
		return h(w, r, who)
	}
}

func (a *App) route(w http.ResponseWriter, r *http.Request) {
	if h, pattern := a.mux.Handler(r); pattern == "" {
		missing(h, w, r)
		return
	}
	a.mux.ServeHTTP(w, r)
}

func (a *App) ready(w http.ResponseWriter, r *http.Request) error {
	if a.cfg.Ready != nil {
		if err := a.cfg.Ready(r.Context()); err != nil {
			a.log.WarnContext(r.Context(), "not ready", "error", err)
			return fail(http.StatusServiceUnavailable, "unavailable", "not ready: see the log")
		}
	}
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

// cors puts the headers on every status, since it runs before the routes and the token check.
func (a *App) cors(next http.Handler) http.Handler {
	origins := slices.Clone(a.cfg.Origins)
	return cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool { return slices.Contains(origins, origin) },
		AllowedMethods:  []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:  []string{"Authorization", "Content-Type", "If-Match", "If-None-Match", "X-Amz-Checksum-Sha256"},
		ExposedHeaders:  []string{"ETag", "Location", "Retry-After", "WWW-Authenticate", "Allow"},
		MaxAge:          600,
	}).Handler(next)
}

// options answers OPTIONS that is no preflight, on any route and without a token. The webhook is left alone: Event Grid asks it
// by OPTIONS whether it may send.
func (a *App) options(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && r.Header.Get("WebHook-Request-Origin") == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// logged writes one record for each request. It logs the route's pattern and never the URL, which may be a grant's.
func (a *App) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sw, r)
		a.log.InfoContext(r.Context(), "request", "method", r.Method, "route", a.pattern(r), "status", sw.status,
			"ms", time.Since(start).Milliseconds())
	})
}

func (a *App) pattern(r *http.Request) string {
	_, pattern := a.mux.Handler(r)
	return pattern
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach Flush and the deadlines.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
