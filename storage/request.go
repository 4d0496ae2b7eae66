package storage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
)

// NewRequest returns the request that uses the grant to upload size bytes of content. It reads nothing yet.
func (g *Grant) NewRequest(ctx context.Context, content io.Reader, size int64) (*http.Request, error) {
	if g.Method == http.MethodPost {
		return g.newForm(ctx, content, size)
	}
	r, err := http.NewRequestWithContext(ctx, g.Method, g.URL, io.NopCloser(content))
	if err != nil {
		return nil, errBadURL
	}
	r.Header = g.Header.Clone()
	r.ContentLength = size
	return r, nil
}

// errBadURL stands for the parser's error, which would repeat the URL.
var errBadURL = fmt.Errorf("storage: the grant's method or URL is malformed")

// newForm puts the fields in front of the file: whatever follows the file is ignored by S3 and GCS.
func (g *Grant) newForm(ctx context.Context, content io.Reader, size int64) (*http.Request, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for _, name := range slices.Sorted(maps.Keys(g.Fields)) {
		if err := w.WriteField(name, g.Fields[name]); err != nil {
			return nil, err
		}
	}
	if _, err := w.CreateFormFile("file", "upload"); err != nil {
		return nil, err
	}
	head := bytes.Clone(form.Bytes())
	form.Reset()
	if err := w.Close(); err != nil {
		return nil, err
	}
	body := io.MultiReader(bytes.NewReader(head), content, &form)
	r, err := http.NewRequestWithContext(ctx, g.Method, g.URL, io.NopCloser(body))
	if err != nil {
		return nil, errBadURL
	}
	r.ContentLength = int64(len(head)) + size + int64(form.Len())
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r, nil
}
