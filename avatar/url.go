package avatar

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// URLs builds the addresses of published pictures. The zero value builds paths that start with "/", as [Processor.Handler] serves them.
type URLs struct {
	base string
}

// NewURLs returns a builder for the CDN, or the bucket's public address, at base, such as "https://assets.example.com". Keys of the assets bucket
// are appended to its path.
func NewURLs(base string) (URLs, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return URLs{}, fmt.Errorf("avatar: base of the picture addresses: %w", err)
	case base != "" && (u.Scheme != "https" && u.Scheme != "http" || u.Host == ""):
		return URLs{}, errors.New("avatar: base of the picture addresses must be empty or an absolute http or https address")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return URLs{}, errors.New("avatar: base of the picture addresses must have no query, fragment or user")
	}
	return URLs{strings.TrimSuffix(base, "/")}, nil
}

// Picture is the immutable address of the smallest variant of m at least width pixels wide, or of the largest; 0 means the largest. It is empty when
// m has no variants.
func (u URLs) Picture(m Manifest, width int) string {
	v := m.AtLeast(width)
	if v.Key == "" {
		return ""
	}
	return u.base + "/" + v.Key
}

// SrcSet is the value of an img element's srcset attribute with every variant of m and its width.
func (u URLs) SrcSet(m Manifest) string {
	var parts []string
	for _, v := range m.Variants {
		parts = append(parts, fmt.Sprintf("%s/%s %dw", u.base, v.Key, v.Width))
	}
	return strings.Join(parts, ", ")
}

// Stable is the address that always shows the current picture of a public id, with a short cache, and never changes. Kind is the kind's name.
func (u URLs) Stable(kind, publicID string) string {
	return u.base + "/" + kind + "s/" + publicID + ".jpg"
}

// Version is the immutable address of a variant of the kind, for who keeps only subject and upload id, as a profile row does. It is right
// when the pipeline writes every picture with the extension ext, such as "jpg"; where AlphaEncoder writes another, keep the address that
// Picture gave for the manifest.
func (u URLs) Version(kind, publicID, uploadID, variant, ext string) string {
	return u.base + "/" + kind + "s/" + publicID + "/" + uploadID + "/" + variant + "." + ext
}
