package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// entry is one file of an archive.
type entry struct {
	name    string // with slashes
	mode    fs.FileMode
	content []byte
}

// sorted returns entries below a folder, in an order that depends only on their
// names.
func sorted(folder string, entries []entry) []entry {
	all := slices.Clone(entries)
	for i := range all {
		all[i].name = folder + "/" + all[i].name
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return all
}

// tarGz packs entries below a folder. Every file has that time and no owner.
func tarGz(folder string, entries []entry, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	for _, e := range sorted(folder, entries) {
		h := tar.Header{Name: e.name, Mode: int64(e.mode), Size: int64(len(e.content)), ModTime: at, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// zipped does for Windows what tarGz does for the other systems.
func zipped(folder string, entries []entry, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range sorted(folder, entries) {
		h := zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at.UTC()}
		h.SetMode(e.mode)
		file, err := w.CreateHeader(&h)
		if err != nil {
			return nil, err
		}
		if _, err := file.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// checksums has the SHA-256 of files by name.
type checksums map[string][sha256.Size]byte

func (c checksums) add(name string, content []byte) { c[name] = sha256.Sum256(content) }

// text returns the checksums in the format of sha256sum, which -c checks.
func (c checksums) text() []byte {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&text, "%x  %s\n", c[name], name)
	}
	return []byte(text.String())
}
