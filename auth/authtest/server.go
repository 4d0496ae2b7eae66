package authtest

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server is an Issuer that serves its keys on a loopback port, for verifiers in other processes. Its URL is where it listens.
type Server struct {
	*Issuer
	server *http.Server
	done   chan struct{}
}

// NewServer starts a server; opts.URL is ignored. It runs until Close.
func NewServer(opts Options) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("authtest: %w", err)
	}
	opts.URL = "http://" + l.Addr().String()
	issuer, err := NewIssuer(opts)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	s := &Server{Issuer: issuer, server: &http.Server{Handler: issuer, ReadHeaderTimeout: 5 * time.Second}, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // always ErrServerClosed after Close
	}()
	return s, nil
}

// Close stops the server and waits for it.
func (s *Server) Close() error {
	err := s.server.Close()
	<-s.done
	return err
}
