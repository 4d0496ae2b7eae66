package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/examples/app"
	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
	"github.com/cruddur/avatarkit/profile"
	"github.com/cruddur/avatarkit/storage"
)

// service is what run runs and stops.
type service struct {
	app   *app.App
	hub   *profile.Hub
	queue *app.Queue
	close func()
}

// wire joins the packages. Reading it is reading how they fit together.
func wire(ctx context.Context, cfg config, log *slog.Logger) (s *service, err error) {
	p, err := open(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	queue := &app.Queue{Process: p.process, Recover: p.recover, Logger: log}
	arrived := func(_ context.Context, e storage.ObjectCreated) error { queue.Add(e.Key); return nil }
	store, err := openStore(ctx, cfg, log, arrived)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, store.Bucket().Close)
	uploadOrigins, err := foreignOrigin(ctx, store, cfg.url)
	if err != nil {
		return nil, err
	}
	if err := p.openPipelines(cfg, store.Bucket(), log); err != nil {
		return nil, err
	}
	pictures, imageOrigins := p.pictures(cfg.cdn)
	p.app, err = app.New(app.Config{
		Require: p.verifier.Require, Identity: identity, Grants: store, Pictures: pictures, Profiles: p.profiles, Hub: p.hub,
		Arrived: queue.Add, GrantLifetime: cfg.grantLifetime, Ready: p.ready, Origins: cfg.allowedOrigins(), UploadOrigins: uploadOrigins, ImageOrigins: imageOrigins,
		DevLogin: p.issuer != nil, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	webhook, err := storage.NewWebhook(storage.WebhookConfig{
		Handle: arrived, Filter: storage.Filter{Prefixes: []string{"uploads/"}, Output: []string{"avatars/", "banners/"}},
		TopicARNs: split(cfg.topics), Authorize: storage.BearerSecret(cfg.webhookSecret), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	p.serve(store, webhook)
	return &service{app: p.app, hub: p.hub, queue: queue, close: p.close}, nil
}

// parts are the opened pieces.
type parts struct {
	issuer     *authtest.Issuer // nil with a real pool
	verifier   *auth.Verifier
	migrator   *migrate.Migrator
	profiles   *profile.SQLStore
	hub        *profile.Hub
	assets     *blob.Bucket
	pipelines  map[string]*avatar.Pipeline
	processors map[string]*avatar.Processor
	app        *app.App
	closers    []func() error
}

// open opens database and assets and brings the schema up to date.
func open(ctx context.Context, cfg config, log *slog.Logger) (p *parts, err error) {
	p = &parts{hub: profile.NewHub(profile.HubConfig{}), pipelines: map[string]*avatar.Pipeline{}, processors: map[string]*avatar.Processor{}}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if err := p.openAuth(cfg, log); err != nil {
		return nil, err
	}
	db, dialect, err := openDB(cfg.db, cfg.data)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, db.Close)
	target, err := sqldb.New(db, dialect, nil)
	if err != nil {
		return nil, err
	}
	if p.migrator, err = migrate.New(target, profile.Migrations(), &migrate.Options{Logger: log}); err != nil {
		return nil, err
	}
	if _, err := p.migrator.Up(ctx); err != nil {
		return nil, err
	}
	p.profiles = profile.NewSQLStore(db, nil)
	if p.assets, err = openAssets(ctx, cfg); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.assets.Close)
	return p, nil
}

// openAuth takes the pool that is configured, or an issuer of its own.
func (p *parts) openAuth(cfg config, log *slog.Logger) (err error) {
	verify := auth.Config{Pools: []auth.Pool{{ID: cfg.pool, ClientIDs: []string{cfg.client}}}}
	if cfg.pool == "" {
		if p.issuer, err = authtest.NewIssuer(authtest.Options{}); err != nil {
			return err
		}
		verify = p.issuer.Config()
	}
	verify.Logger = log
	p.verifier, err = auth.New(verify)
	return err
}

// openPipelines makes a processor for each kind of picture.
func (p *parts) openPipelines(cfg config, uploads *blob.Bucket, log *slog.Logger) error {
	for _, kind := range []avatar.Kind{avatar.AvatarKind(), avatar.BannerKind()} {
		pipeline, err := avatar.New(avatar.Config{Kind: kind, Logger: log})
		if err != nil {
			return err
		}
		p.pipelines[kind.Name] = pipeline
		p.processors[kind.Name], err = avatar.NewProcessor(pipeline, uploads, p.assets, &avatar.Options{
			Logger: log, GrantLifetime: cfg.grantLifetime,
			OnPublished: func(ctx context.Context, e avatar.Published) error {
				return p.app.Published(ctx, e.Subject, kind.Name, e.Manifest.UploadID)
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pictures adapts the processors, and returns the foreign origin of the CDN, if there is one.
func (p *parts) pictures(cdn string) (pictures map[string]app.Pictures, origins []string) {
	base := "/"
	if cdn != "" {
		base = strings.TrimSuffix(cdn, "/") + "/"
		origins = []string{originOf(cdn)}
	}
	pictures = map[string]app.Pictures{}
	for kind, processor := range p.processors {
		pictures[kind] = app.FromProcessor(processor, p.pipelines[kind], base)
	}
	return pictures, origins
}

// process gives the key to the processor that it belongs to.
func (p *parts) process(ctx context.Context, key string) error {
	for _, processor := range p.processors {
		if processor.Owns(key) {
			_, err := processor.Process(ctx, key)
			return err
		}
	}
	return nil // not an upload of ours
}

func (p *parts) recover(ctx context.Context) error {
	var errs []error
	for _, processor := range p.processors {
		_, err := processor.Recover(ctx)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// serve adds the routes that belong to this process: uploads if it receives them, news of uploads, pictures, and the embedded issuer.
func (p *parts) serve(store storage.Store, webhook http.Handler) {
	if receiver, ok := store.(http.Handler); ok {
		p.app.Handle("/uploads/", receiver)
	}
	p.app.Handle("/webhooks/avatar", webhook)
	p.app.Handle("GET /avatars/", p.processors["avatar"].Handler(&avatar.HandlerOptions{
		Default: app.Initials(p.pipelines["avatar"], p.profiles),
	}))
	p.app.Handle("GET /banners/", p.processors["banner"].Handler(nil))
	if p.issuer != nil {
		p.app.Handle("POST /dev/login", app.DevLogin(p.issuer.AccessToken, p.issuer.IDToken))
	}
}

func (p *parts) ready(ctx context.Context) error {
	n, err := p.migrator.Pending(ctx)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d migrations are pending", n)
	}
	return err
}

func (p *parts) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		_ = p.closers[i]() // nothing is left to be done about it
	}
}

func identity(ctx context.Context) (app.Identity, bool) {
	claims, ok := auth.FromContext(ctx)
	if !ok {
		return app.Identity{}, false
	}
	return app.Identity{Subject: claims.Subject, Username: claims.Username}, true
}
