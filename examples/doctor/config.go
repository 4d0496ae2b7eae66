package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// config is what the flags say.
type config struct {
	uploads, assets               string
	origins                       []string
	uploadPrefixes, assetPrefixes []string
	cdn, endpoint                 string
	maxSkew                       time.Duration
	json                          bool
}

func parse(args []string, out io.Writer) (config, error) {
	var c config
	var origins, uploadPrefixes, assetPrefixes string
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&c.uploads, "uploads", "", "URL of the bucket for uploads: s3://, gs://, azblob://, file:// or mem://")
	flags.StringVar(&c.assets, "assets", "", "URL of the bucket for published pictures")
	flags.StringVar(&origins, "origins", "", "origins of the pages that upload, separated by commas")
	flags.StringVar(&uploadPrefixes, "upload-prefix", "uploads/avatars/", "prefixes of upload keys, separated by commas")
	flags.StringVar(&assetPrefixes, "asset-prefix", "avatars/", "prefixes of published keys, separated by commas")
	flags.StringVar(&c.cdn, "cdn", "", "URL in front of the published pictures; empty leaves the CDN out")
	flags.StringVar(&c.endpoint, "endpoint", "", "URL of the store as uploaders reach it, if not its own; for file and mem, of the service's receiver")
	flags.DurationVar(&c.maxSkew, "max-skew", 5*time.Second, "how far this machine's clock may be from the store's")
	flags.BoolVar(&c.json, "json", false, "report as JSON")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	c.origins, c.uploadPrefixes, c.assetPrefixes = list(origins), list(uploadPrefixes), list(assetPrefixes)
	c.cdn, c.endpoint = strings.TrimSuffix(c.cdn, "/"), strings.TrimSuffix(c.endpoint, "/")
	return c, c.check(flags.Args())
}

func (c config) check(rest []string) error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(len(rest) > 0, "unexpected argument: all settings are flags")
	fault(c.uploads == "", "-uploads is required")
	fault(c.assets == "", "-assets is required")
	fault(len(c.origins) == 0, "-origins is required: the pages that upload, such as https://app.example.com")
	for _, o := range c.origins {
		u, err := url.Parse(o)
		fault(err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != o, "-origins: %q is not scheme://host[:port]", o)
	}
	for _, p := range append(append([]string{}, c.uploadPrefixes...), c.assetPrefixes...) {
		fault(!strings.HasSuffix(p, "/") || strings.HasPrefix(p, "/"), "prefix %q must end, and not begin, with a slash", p)
	}
	fault(len(c.uploadPrefixes) == 0 || len(c.assetPrefixes) == 0, "-upload-prefix and -asset-prefix need a prefix each")
	for name, value := range map[string]string{"-cdn": c.cdn, "-endpoint": c.endpoint} {
		u, err := url.Parse(value)
		fault(value != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https"), "%s must be an http or https URL", name)
	}
	fault(c.maxSkew <= 0, "-max-skew must be positive")
	return errors.Join(faults...)
}

func list(s string) []string {
	var items []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
