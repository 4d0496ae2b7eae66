// Command local runs the whole path of a picture in one process: sign-in, grant, upload, processing, profile, page.
//
//	go run ./examples/local                      everything in memory, nothing needed but Go
//	go run ./examples/local -data ./data         keeps pictures and people
//	go run ./examples/local -db postgres://…     people in PostgreSQL
//	go run -tags cloud ./examples/local -uploads 's3://in?region=eu-west-1' -assets 's3://out?region=eu-west-1'
//
// The tag links the SDKs of S3, Google Cloud Storage and Azure, which make the first build take twice as long.
// With a cloud's bucket the page uploads straight to it; the bucket needs the CORS document that package bucketconfig makes. Point the bucket's
// notifications to POST /webhooks/avatar (-topics for SNS, -webhook-secret for others): without them pictures appear as well, since the page asks.
//
// Every flag also comes from the environment: AVATARKIT_ADDR, AVATARKIT_DATA, AVATARKIT_WEBHOOK_SECRET and so on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then finishes what was begun.
func run(ctx context.Context, args []string, env func(string) string, out, logs io.Writer) error {
	cfg, err := parse(args, env, logs)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(logs, nil))
	if cfg.logJSON {
		log = slog.New(slog.NewJSONHandler(logs, nil))
	}
	listener, err := net.Listen("tcp", cfg.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	if cfg.url == "" {
		cfg.url = "http://" + browserAddr(cfg.addr, listener.Addr())
	}
	s, err := wire(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer s.close()

	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	done := make(chan struct{})
	go func() { defer close(done); s.queue.Run(working) }()

	server := &http.Server{
		Handler: s.app, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(s.hub.Close)
	greet(out, cfg)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		log.Info("shutting down")
		err = shutDown(server)
	}
	stopWork() // the queue finishes what it can; the rest is found again at the next start
	<-done
	return err
}

// shutDown lets requests finish, uploads among them, but not for ever.
func shutDown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close() // an upload that is cut off leaves nothing
	}
	return err
}

// browserAddr is the listener's address with the host that was asked for, since "localhost" is what a person types.
func browserAddr(asked string, got net.Addr) string {
	host, _, _ := net.SplitHostPort(asked)
	_, port, _ := net.SplitHostPort(got.String())
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func greet(out io.Writer, cfg config) {
	fmt.Fprintf(out, "Serving on %s\n", cfg.url)
	if cfg.pool != "" {
		return
	}
	fmt.Fprintf(out, `
Open it in a browser, or try:
  TOKEN=$(curl -s %[1]s/dev/login -d '{"username":"andrew"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s %[1]s/api/profile -H "Authorization: Bearer $TOKEN"
  curl -s %[1]s/avatars/key_upload -H "Authorization: Bearer $TOKEN" -d '{"content_type":"image/jpeg","size":12345}'
`, cfg.url)
	if cfg.data == "" && cfg.uploads == "" {
		fmt.Fprint(out, "\nEverything is in memory and gone when this stops; -data DIR keeps it.\n")
	}
}
