//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package localstore

import (
	"errors"
	"os"
)

// lockFile has no portable form here: within the process a mutex does, and among processes one link wins.
func lockFile(string) (unlock func(), err error) { return func() {}, nil }

// syncPath writes a file to the disk. A folder's names need no help of ours on these systems.
func syncPath(name string) error {
	info, err := os.Stat(name)
	if err != nil || info.IsDir() {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
