package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// config is what the flags say.
type config struct {
	addr            string
	data            string // folder; empty keeps everything in memory
	uploads, assets string // gocloud URLs
	db              string // postgres://… or a SQLite file; empty: in data, or memory
	url             string // public base URL
	origins         string // comma-separated
	pool, client    string // real Cognito; empty: the embedded issuer
	logJSON         bool
}

// parse reads flags; each can also come from the environment as AVATARKIT_<NAME>, and the flag wins.
func parse(args []string, env func(string) string, out io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(out)
	text := func(p *string, name, value, usage string) {
		if v := env("AVATARKIT_" + strings.ToUpper(name)); v != "" {
			value = v
		}
		flags.StringVar(p, name, value, usage)
	}
	text(&c.addr, "addr", "localhost:8080", "address to listen on; port 0 picks a free one")
	text(&c.data, "data", "", "folder that keeps files and database; empty keeps all in memory")
	text(&c.uploads, "uploads", "", "gocloud URL of the bucket for uploads, such as file:///srv/uploads")
	text(&c.assets, "assets", "", "gocloud URL of the bucket for published pictures")
	text(&c.db, "db", "", "postgres://… ; empty means SQLite, in -data or in memory")
	text(&c.url, "url", "", "base URL under which browsers reach this; empty means http://<addr>")
	text(&c.origins, "origins", "", "origins of other pages that may call the API, separated by commas")
	text(&c.pool, "pool", "", "id of a Cognito user pool, such as eu-west-1_AbCdEf123, instead of the embedded issuer")
	text(&c.client, "client", "", "app client of -pool")
	flags.BoolVar(&c.logJSON, "json", env("AVATARKIT_JSON") != "", "log as JSON")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	return c, c.check(flags.Args())
}

func (c *config) check(rest []string) error {
	var faults []error
	if len(rest) > 0 {
		faults = append(faults, fmt.Errorf("unexpected argument %q: all settings are flags", rest[0]))
	}
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		faults = append(faults, fmt.Errorf("-addr %q: write host:port", c.addr))
	}
	if (c.pool == "") != (c.client == "") {
		faults = append(faults, errors.New("-pool and -client go together"))
	}
	if c.db != "" && !strings.HasPrefix(c.db, "postgres://") && !strings.HasPrefix(c.db, "postgresql://") {
		faults = append(faults, errors.New("-db must begin with postgres://"))
	}
	if c.url != "" {
		if u, err := url.Parse(c.url); err != nil || u.Host == "" {
			faults = append(faults, fmt.Errorf("-url %q: write http://host:port", c.url))
		}
	}
	if c.data != "" {
		dir, err := filepath.Abs(c.data)
		if err == nil {
			err = os.MkdirAll(dir, 0o700)
		}
		c.data = dir
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// allowedOrigins are those of -origins and the server's own.
func (c *config) allowedOrigins(own string) []string {
	origins := []string{own}
	for o := range strings.SplitSeq(c.origins, ",") {
		if o = strings.TrimSpace(o); o != "" {
			origins = append(origins, o)
		}
	}
	return origins
}
