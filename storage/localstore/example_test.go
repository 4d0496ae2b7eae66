package localstore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
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
