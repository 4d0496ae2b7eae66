// Command upload is the Lambda function behind POST /avatars/key_upload and OPTIONS of an HTTP API: it grants one upload to who
// asks. Package function says how to build it and which settings it reads.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/rs/cors"

	"github.com/cruddur/avatarkit/examples/lambda/function"
	"github.com/cruddur/avatarkit/examples/lambda/house"
)

func main() { function.Start(build) }

func build(ctx context.Context, s *function.Settings, log *slog.Logger) (any, error) {
	buckets, origins := house.Settings(s), s.List("ORIGINS")
	for _, o := range origins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != o {
			s.Fault("ORIGINS: %q is not scheme://host[:port]", o)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	pictures, err := buckets.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	g := granter{store: pictures.Store, keys: pictures.Processor.NewUploadKey, maxBytes: pictures.MaxBytes, log: log}
	return function.HTTP(withCORS(origins, g)), nil
}

// withCORS answers preflights and puts the headers on every other answer, whatever its status.
func withCORS(origins []string, h http.Handler) http.Handler {
	c := cors.New(cors.Options{
		AllowedOrigins: origins, AllowedMethods: []string{http.MethodPost},
		AllowedHeaders: []string{"Authorization", "Content-Type"}, ExposedHeaders: []string{"Retry-After"}, MaxAge: 600,
	})
	return c.Handler(h)
}
