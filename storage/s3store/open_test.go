package s3store_test

import (
	"net/url"
	"testing"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// TestOpenEndpoint: a server that the URL names gets both kinds of grants. The SDK gives a form no URL at all when the
// endpoint comes from gocloud's resolver.
func TestOpenEndpoint(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "very secret")
	tests := []struct{ name, query, want string }{
		{"path style", "&endpoint=http://127.0.0.1:9000&use_path_style=true", "http://127.0.0.1:9000/uploads"},
		{"host style", "&endpoint=https://store.example", "https://uploads.store.example"},
		{"Amazon", "", "https://uploads.s3.us-east-1.amazonaws.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store, err := s3store.Open(t.Context(), "s3://uploads?region=us-east-1"+tt.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Bucket().Close()
			for _, p := range []storage.Policy{{ContentType: "image/png", MaxBytes: 10}, {ContentType: "image/png", Size: 10}} {
				g, err := store.GrantUpload(t.Context(), "a/b.png", p)
				if err != nil {
					t.Fatal(err)
				}
				u, err := url.Parse(g.URL)
				if err != nil {
					t.Fatal("malformed URL")
				}
				want := tt.want
				if p.Size > 0 {
					want += "/a/b.png"
				}
				if got := u.Scheme + "://" + u.Host + u.Path; got != want {
					t.Errorf("%s to %s, want %s", g.Method, got, want)
				}
			}
		})
	}
}
