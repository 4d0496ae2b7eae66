package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// memoryFiles is a folder in memory as embed.FS has it: sorted, found by halving, read by copying. Only a build can fill that one.
type memoryFiles []memoryFile

type memoryFile struct {
	name string
	data string
}

// load reads the files of a folder into memory.
func load(dir string) (memoryFiles, error) {
	list, err := os.ReadDir(dir)
	var files memoryFiles
	for _, e := range list {
		data, failed := os.ReadFile(filepath.Join(dir, e.Name()))
		files, err = append(files, memoryFile{e.Name(), string(data)}), errors.Join(err, failed)
	}
	return files, err
}

func (f memoryFiles) find(op, name string) (*memoryFile, error) {
	i, ok := slices.BinarySearchFunc(f, name, func(file memoryFile, name string) int { return strings.Compare(file.name, name) })
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return &f[i], nil
}

func (f memoryFiles) ReadFile(name string) ([]byte, error) {
	file, err := f.find("read", name)
	if err != nil {
		return nil, err
	}
	return []byte(file.data), nil
}

func (f memoryFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	list := make([]fs.DirEntry, len(f))
	for i := range f {
		list[i] = &f[i]
	}
	return list, nil
}

func (f memoryFiles) Open(name string) (fs.File, error) {
	file, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	return &openFile{file, bytes.NewReader([]byte(file.data))}, nil
}

type openFile struct {
	*memoryFile
	io.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.memoryFile, nil }
func (f *openFile) Close() error               { return nil }

func (f *memoryFile) Name() string               { return f.name }
func (f *memoryFile) Size() int64                { return int64(len(f.data)) }
func (f *memoryFile) Mode() fs.FileMode          { return 0o444 }
func (f *memoryFile) Type() fs.FileMode          { return 0 }
func (f *memoryFile) ModTime() time.Time         { return time.Time{} }
func (f *memoryFile) IsDir() bool                { return false }
func (f *memoryFile) Sys() any                   { return nil }
func (f *memoryFile) Info() (fs.FileInfo, error) { return f, nil }
