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

// An entry is one file in an archive.
type entry struct {
	name    string // with slashes
	mode    fs.FileMode
	content []byte
}

// sorted returns copies of the entries, moved into a directory and sorted by name.
func sorted(dir string, entries []entry) []entry {
	all := slices.Clone(entries)
	for i := range all {
		all[i].name = dir + "/" + all[i].name
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return all
}

// packTarGz returns a compressed tar archive of entries below a directory. Every file has
// the given time and no owner.
func packTarGz(dir string, entries []entry, modified time.Time) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	for _, e := range sorted(dir, entries) {
		h := tar.Header{Name: e.name, Mode: int64(e.mode), Size: int64(len(e.content)), ModTime: modified, Format: tar.FormatUSTAR}
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

// packZip is like packTarGz, but returns a ZIP file, for Windows.
func packZip(dir string, entries []entry, modified time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range sorted(dir, entries) {
		h := zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: modified.UTC()}
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

// checksums maps the names of files to their SHA-256.
type checksums map[string][sha256.Size]byte

func (c checksums) add(name string, content []byte) { c[name] = sha256.Sum256(content) }

// text returns the checksums in the format that sha256sum -c checks.
func (c checksums) text() []byte {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&text, "%x  %s\n", c[name], name)
	}
	return []byte(text.String())
}
