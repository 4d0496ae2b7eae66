package localstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/localstore"
)

func ExampleNew() {
	ctx := context.Background()
	server := httptest.NewUnstartedServer(nil)
	store, err := localstore.New(memblob.OpenBucket(nil), localstore.Config{
		Secret:  []byte("0123456789abcdef0123456789abcdef"), // from a secret store, not from the code
		BaseURL: "http://" + server.Listener.Addr().String() + "/uploads",
		Origins: []string{"https://example.com"},
		OnCreated: func(_ context.Context, e storage.ObjectCreated) error {
			fmt.Println("created", e.Key, e.Size)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Config.Handler = store
	server.Start()
	defer server.Close()

	grant, err := store.GrantUpload(ctx, "uploads/ada/1.txt", storage.Policy{ContentType: "text/plain", Size: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		request, err := grant.NewRequest(ctx, strings.NewReader("hello"), 5)
		if err != nil {
			fmt.Println(err)
			return
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		answer.Body.Close()
		fmt.Println(answer.Status)
	}
	fmt.Println(grant.Enforced)
	// Output:
	// created uploads/ada/1.txt 5
	// 201 Created
	// 409 Conflict
	// [content_type expiry max_bytes method size write_once]
}

func ExampleOpenDir() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := localstore.OpenDir(filepath.Join(dir, "uploads"), localstore.Config{
		Secret:  []byte("0123456789abcdef0123456789abcdef"), // from a secret store, not from the code
		BaseURL: "https://example.com/uploads",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Bucket().Close()
	grant, err := store.GrantUpload(context.Background(), "ada/1.png", storage.Policy{ContentType: "image/png", MaxBytes: 5 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	address, _, _ := strings.Cut(grant.URL, "?")
	fmt.Println(grant.Method, address, grant.Enforced)
	_, err = store.GrantUpload(context.Background(), "ada/1.png.attrs", storage.Policy{ContentType: "image/png", Size: 5})
	fmt.Println(errors.Is(err, storage.ErrInvalidKey))
	// Output:
	// PUT https://example.com/uploads/ada/1.png [content_type expiry max_bytes method write_once]
	// true
}

func ExampleOpen() {
	store, err := localstore.Open(context.Background(), "mem://", localstore.Config{
		Secret:  []byte("0123456789abcdef0123456789abcdef"), // from a secret store, not from the code
		BaseURL: "https://example.com/uploads",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Bucket().Close()
	_, err = store.GrantUpload(context.Background(), "ada/1.png", storage.Policy{ContentType: "image/png"})
	fmt.Println(err)
	// Output: invalid upload policy: set Size or MaxBytes: an upload without a bound is not granted
}
