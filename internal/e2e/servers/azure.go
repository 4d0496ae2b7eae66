package servers

import (
	"path/filepath"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"github.com/cruddur/avatarkit/internal/e2e/component"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/azurestore"
)

// AzureAccount and AzureKey are the credentials that Azurite is known for.
const (
	AzureAccount = "devstoreaccount1"
	AzureKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// Azure is a running blob service.
type Azure struct {
	// Addr is host:port, and Endpoint the account's URL.
	Addr, Endpoint string
	// Client may do everything.
	Client *service.Client
}

var _ Server = (*Azure)(nil)

// Azurite starts Azurite with an account that has no containers.
func Azurite(t testing.TB) *Azure {
	t.Helper()
	node := component.Program(t, "node")
	script := filepath.Join(component.NodePackage(t, "azurite"), "dist", "src", "blob", "main.js")
	a := &Azure{Addr: component.FreeAddr(t)}
	host, port := splitAddr(t, a.Addr)
	// The SDK sends a newer API version than Azurite knows.
	run(t, nil, node, script, "--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--blobHost", host, "--blobPort", port)
	a.Endpoint = "http://" + a.Addr + "/" + AzureAccount
	credential, err := service.NewSharedKeyCredential(AzureAccount, AzureKey)
	if err != nil {
		t.Fatal(err)
	}
	if a.Client, err = service.NewClientWithSharedKeyCredential(a.Endpoint, credential, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Azurite is not ready", func() error {
		_, err := a.Client.GetProperties(t.Context(), nil)
		return err
	})
	return a
}

// MakeContainer makes the container if it is missing.
func (a *Azure) MakeContainer(t testing.TB, name string) {
	t.Helper()
	_, err := a.Client.CreateContainer(t.Context(), name, nil)
	if err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		t.Fatal(err)
	}
}

// Store implements [Server].
func (a *Azure) Store(t testing.TB, container string) storage.Store {
	t.Helper()
	a.MakeContainer(t, container)
	store, err := azurestore.New(a.Client.NewContainerClient(container), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Bucket().Close() })
	return store
}
