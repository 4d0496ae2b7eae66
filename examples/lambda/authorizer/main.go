// Command authorizer is the Lambda authorizer of an HTTP API: payload format 2.0, simple response. It passes on who asks, so that
// no function behind it decodes a token again. Package function says how to build it and which settings it reads.
package main

import (
	"context"
	"log/slog"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/examples/lambda/function"
)

func main() { function.Start(build) }

func build(_ context.Context, s *function.Settings, log *slog.Logger) (any, error) {
	pool := auth.Pool{ClientIDs: s.List("CLIENT_ID")}
	if pool.Issuer = s.Optional("ISSUER"); pool.Issuer == "" {
		pool.ID = s.Text("USER_POOL_ID")
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	// No I/O here: the first token fetches the keys, and a thawed function refreshes them when they are old.
	verifier, err := auth.New(auth.Config{Pools: []auth.Pool{pool}, Logger: log})
	if err != nil {
		return nil, err
	}
	return verifier.AuthorizeHTTP, nil
}
