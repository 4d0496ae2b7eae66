package localstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"gocloud.dev/blob/memblob"
)

// Open opens "mem://" (a new, empty bucket in memory) or a folder, as "file:///absolute/path" or "file://./relative". The
// URL takes no parameters: whatever else there is to say is in the Config.
func Open(_ context.Context, urlstr string, cfg Config) (*Store, error) {
	u, err := url.Parse(urlstr)
	if err != nil {
		return nil, fmt.Errorf("localstore: %w", err)
	}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("localstore: the URL takes no user, parameters and fragment")
	}
	switch {
	case u.Scheme == "mem" && u.Host == "" && u.Path == "":
		return New(memblob.OpenBucket(nil), cfg)
	case u.Scheme == "file" && u.Host == "." && strings.Trim(u.Path, "/") != "":
		return OpenDir(filepath.FromSlash(strings.TrimPrefix(u.Path, "/")), cfg)
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && strings.Trim(u.Path, "/") != "":
		return OpenDir(filepath.FromSlash(u.Path), cfg)
	}
	return nil, fmt.Errorf("localstore: %w: want mem://, file:///absolute/path or file://./relative/path", errors.ErrUnsupported)
}
