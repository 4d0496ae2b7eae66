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
	"strconv"
	"strings"
	"time"
)

// config is what the flags say.
type config struct {
	addr            string
	data            string // folder; empty keeps everything in memory
	uploads, assets string // gocloud URLs
	cdn             string // base URL of published pictures; empty: this process serves them
	db              string // postgres://…; empty: SQLite in data, or in memory
	url             string // public base URL
	origins         string // comma-separated
	topics          string // comma-separated ARNs of SNS topics to believe
	webhookSecret   string // admits raw events
	grantLifetime   time.Duration
	pool, client    string // real Cognito; empty: the embedded issuer
	logJSON         bool
}

// parse reads flags; each can also come from the environment as AVATARKIT_<NAME>, with "_" for "-", and the flag wins.
func parse(args []string, env func(string) string, out io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(out)
	text := func(p *string, name, value, usage string) {
		if v := env(variable(name)); v != "" {
			value = v
		}
		flags.StringVar(p, name, value, usage)
	}
	text(&c.addr, "addr", "localhost:8080", "address to listen on; port 0 picks a free one")
	text(&c.data, "data", "", "folder that keeps files and database; empty keeps all in memory")
	text(&c.uploads, "uploads", "", "URL of the bucket for uploads: s3://…, gs://…, azblob://…, file:///srv/uploads or mem://")
	text(&c.assets, "assets", "", "URL of the bucket for published pictures; goes with -uploads")
	text(&c.cdn, "cdn", "", "base URL from which browsers get the objects of -assets; empty means from this process")
	text(&c.db, "db", "", "postgres://… ; empty means SQLite, in -data or in memory")
	text(&c.url, "url", "", "base URL under which browsers reach this; empty means http://<addr>")
	text(&c.origins, "origins", "", "origins of other pages that may call the API, separated by commas")
	lifetime := ""
	text(&lifetime, "grant-lifetime", "5m", "how long a grant to upload is valid")
	text(&c.topics, "topics", "", "ARNs of the SNS topics whose notifications POST /webhooks/avatar believes, separated by commas")
	text(&c.webhookSecret, "webhook-secret", "", "admits other notifications to POST /webhooks/avatar, as \"Authorization: Bearer <secret>\"")
	text(&c.pool, "pool", "", "id of a Cognito user pool, such as eu-west-1_AbCdEf123, instead of the embedded issuer")
	text(&c.client, "client", "", "app client of -pool")
	logJSON, _ := strconv.ParseBool(env(variable("json"))) // anything else means false
	flags.BoolVar(&c.logJSON, "json", logJSON, "log as JSON")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	var err error
	if c.grantLifetime, err = time.ParseDuration(lifetime); err != nil || c.grantLifetime < time.Second {
		err = fmt.Errorf("-grant-lifetime %q: write a duration of a second or more, such as 5m", lifetime)
	}
	return c, errors.Join(err, c.check(flags.Args()))
}

// variable is the environment variable of a flag.
func variable(name string) string {
	return "AVATARKIT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
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
	if (c.uploads == "") != (c.assets == "") {
		faults = append(faults, errors.New("-uploads and -assets go together: what one remembers is in the other"))
	}
	for name, base := range map[string]string{"url": c.url, "cdn": c.cdn} {
		if u, err := url.Parse(base); base != "" && (err != nil || u.Host == "") {
			faults = append(faults, fmt.Errorf("-%s %q: write http://host:port", name, base))
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
func (c *config) allowedOrigins() []string { return append([]string{c.url}, split(c.origins)...) }

// split returns the parts of a list that is separated by commas.
func split(list string) []string {
	var parts []string
	for p := range strings.SplitSeq(list, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}
