// Package app joins the five packages of avatarkit into one service: all routes as one [http.Handler], the worker that turns
// uploads into pictures, and the page. examples/local runs it in one process, and the functions of examples/lambda use the
// same calls. Copy from it what fits.
//
// # Routes
//
//	POST   /avatars/key_upload          token    a grant for one upload
//	GET    /api/uploads/{upload_id}     token    what became of it
//	GET    /api/activities/@{handle}             profile and activities
//	POST   /api/activities              token    post a crud
//	GET    /api/profile                 token    one's own profile, made at the first visit
//	POST, PATCH /api/profile/update     token    partial update; honours If-Match
//	DELETE /api/avatar                  token    erase one's avatar; ?kind=banner for the banner
//	POST   /api/events/ticket           token    a one-time ticket and a cookie for /events
//	GET    /events?handle=…                      server-sent events; by cookie or ?ticket=…
//	GET    /config.json                          limits, for the page
//	GET    /, /@{handle}                         the page
//	GET    /healthz, /readyz                     liveness; readiness
//	OPTIONS on any route                         CORS
//
// The wiring adds what depends on its stores with [App.Handle]: the receiver of local uploads, GET /avatars/{id}, and
// POST /webhooks/avatar.
//
// # Without notifications
//
// A store tells of an upload by an event, and events get lost, or were never set up. So every question for an upload that is there
// but not handled queues it (Config.Arrived), and the [Queue] looks for such uploads once a minute. An upload is
// handled once, whichever way the news comes.
//
// # Sessions
//
// The page keeps the access token in sessionStorage: it survives a reload, is gone with the tab, and never travels by itself,
// so no request can be forged with it. A script of a stranger could read it, which is why the page has a strict
// Content-Security-Policy and puts user text on the page only as text. EventSource cannot send a header, so /events takes a
// cookie that is good for nothing else (HttpOnly, SameSite=Strict, its path only), or a ticket that works once.
//
// # Codes
//
// Every error is problem+json (RFC 9457) with one of these codes, on which a client may switch:
//
//	malformed                 400  the body is not the JSON that was asked for
//	invalid_handle            400  the path names no handle
//	invalid_cursor            400  "after" was not made by this service
//	unauthorized, token codes 401  no token, or a bad one: package auth has the list
//	ticket                    401  /events needs its cookie or a fresh ticket
//	not_found                 404  no such route, person or upload
//	method_not_allowed        405  see the Allow header
//	edited_meanwhile          412  If-Match names an older version: read again; "current" has the new version
//	too_large                 413  the file, as declared, or the JSON body is too long; "limit" is in bytes
//	unsupported_type          415  not JPEG, PNG, GIF or WebP
//	invalid                   422  "fields" lists each fault with its own code: see package profile
//	rate_limited              429  see Retry-After
//	internal                  500  our fault
//	unavailable               503  a dependency is down, or migrations are pending: see Retry-After
//
// An upload that arrived but is no picture is not an HTTP error: GET /api/uploads/{upload_id} answers 200 with state "rejected"
// and one of the reasons of package avatar.
package app
