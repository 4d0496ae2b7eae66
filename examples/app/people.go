package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/cruddur/avatarkit/profile"
)

// profileView is a profile as clients see it.
type profileView struct {
	profile.Profile
	Avatar    *Picture `json:"avatar"`
	Banner    *Picture `json:"banner"`
	AvatarURL string   `json:"avatar_url,omitempty"`
	BannerURL string   `json:"banner_url,omitempty"`
	CanEdit   bool     `json:"can_edit"`
}

func (a *App) view(ctx context.Context, p profile.Profile) profileView {
	v := profileView{Profile: p}
	v.Avatar, v.Banner = a.picture(ctx, p, "avatar"), a.picture(ctx, p, "banner")
	if v.Avatar != nil {
		v.AvatarURL = v.Avatar.URL
	}
	if v.Banner != nil {
		v.BannerURL = v.Banner.URL
	}
	return v
}

// picture returns nil when there is none, and also when it cannot be read: a profile without its picture beats an error.
func (a *App) picture(ctx context.Context, p profile.Profile, kind string) *Picture {
	id, pictures := p.Pictures[kind], a.cfg.Pictures[kind]
	if id == "" || pictures == nil {
		return nil
	}
	picture, err := pictures.Picture(ctx, p.Subject, id)
	if err != nil {
		a.log.WarnContext(ctx, "no picture", "kind", kind, "error", err)
		return nil
	}
	return &picture
}

func (a *App) activities(w http.ResponseWriter, r *http.Request) error {
	handle, ok := strings.CutPrefix(r.PathValue("at"), "@")
	if !ok || handle == "" {
		return fail(http.StatusBadRequest, "invalid_handle", "write a handle as @handle")
	}
	p, err := a.cfg.Profiles.ByHandle(r.Context(), handle)
	if err != nil {
		return err
	}
	page := profile.Page{After: r.URL.Query().Get("after")}
	page.Limit, _ = strconv.Atoi(r.URL.Query().Get("limit")) // nonsense means the default
	list, err := a.cfg.Profiles.Activities(r.Context(), handle, page)
	if err != nil {
		return err
	}
	if list.Items == nil {
		list.Items = []profile.Activity{}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"profile": a.view(r.Context(), p), "activities": list.Items, "next": list.Next})
}

func (a *App) ownProfile(w http.ResponseWriter, r *http.Request, who Identity) error {
	p, err := a.person(r.Context(), who)
	if err != nil {
		return err
	}
	return a.writeOwn(w, r, p)
}

func (a *App) writeOwn(w http.ResponseWriter, r *http.Request, p profile.Profile) error {
	v := a.view(r.Context(), p)
	v.CanEdit = true
	w.Header().Set("ETag", p.ETag())
	return writeJSON(w, http.StatusOK, v)
}

func (a *App) update(w http.ResponseWriter, r *http.Request, who Identity) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	u, err := profile.ParseUpdate(body)
	if err != nil {
		var invalid *profile.ValidationError
		if errors.As(err, &invalid) && len(invalid.Fields) == 1 && invalid.Fields[0].Code == profile.CodeMalformedJSON {
			return fail(http.StatusBadRequest, "malformed", `send JSON such as {"bio":"…"}`)
		}
		return err
	}
	old, err := a.person(r.Context(), who)
	if err != nil {
		return err
	}
	version, err := ifMatch(r, old)
	if err != nil {
		return err
	}
	p, err := a.cfg.Profiles.Update(r.Context(), who.Subject, u, version)
	if err != nil {
		return err
	}
	a.tell(p.Handle, "profile")
	return a.writeOwn(w, r, p)
}

// ifMatch returns the version to compare with (RFC 9110, section 13.1.1): 0 without the header and for "*". Weak tags never match.
func ifMatch(r *http.Request, p profile.Profile) (int64, error) {
	header := strings.Join(r.Header.Values("If-Match"), ",")
	if header == "" || strings.TrimSpace(header) == "*" {
		return 0, nil
	}
	for tag := range strings.SplitSeq(header, ",") {
		if strings.TrimSpace(tag) == p.ETag() {
			return p.Version, nil
		}
	}
	return 0, &profile.ConflictError{Current: p.Version}
}

func (a *App) post(w http.ResponseWriter, r *http.Request, who Identity) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var req struct {
		Message string `json:"message"`
		ReplyTo string `json:"reply_to"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return fail(http.StatusBadRequest, "malformed", `send JSON such as {"message":"…"}`)
	}
	p, err := a.person(r.Context(), who)
	if err != nil {
		return err
	}
	activity, err := a.cfg.Profiles.Post(r.Context(), who.Subject, profile.NewActivity{Message: req.Message, ReplyTo: req.ReplyTo})
	if err != nil {
		return err
	}
	a.tell(p.Handle, "activity")
	return writeJSON(w, http.StatusCreated, activity)
}

// person returns the profile of who asks, and makes it at the first visit.
func (a *App) person(ctx context.Context, who Identity) (profile.Profile, error) {
	p, err := a.cfg.Profiles.BySubject(ctx, who.Subject)
	if !errors.Is(err, profile.ErrNotFound) {
		return p, err
	}
	base, name := handleFrom(who.Username), who.Username
	if name == "" {
		name = base
	}
	for n := 1; n <= 50; n++ {
		handle := base
		if n > 1 {
			handle = fmt.Sprintf("%s%d", base, n)
		}
		p, err = a.cfg.Profiles.Create(ctx, who.Subject, handle, name)
		var invalid *profile.ValidationError
		switch {
		case errors.Is(err, profile.ErrExists): // another request of the same person was faster
			return a.cfg.Profiles.BySubject(ctx, who.Subject)
		case errors.As(err, &invalid) && name != handle: // a user name that is no display name
			name = base
		case !errors.Is(err, profile.ErrHandleTaken):
			return p, err
		}
	}
	return p, err
}

// handleFrom makes a handle of a user name, with room for a number behind it.
func handleFrom(username string) string {
	handle := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '_'
	}, username)
	handle = handle[:min(len(handle), profile.MaxHandle-3)]
	if len(handle) < profile.MinHandle {
		handle = "user_" + handle
	}
	return handle
}
