package test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// image is an image in an OCI archive: its configuration, and its files in the order of the
// layers.
type image struct {
	Architecture, OS string
	Config           struct {
		User         string
		ExposedPorts map[string]struct{}
		Env          []string
		Entrypoint   []string
		Cmd          []string
		Labels       map[string]string
	}
	files []tarFile
}

// tarFile is an entry in a tar archive.
type tarFile struct {
	*tar.Header
	content []byte
}

// descriptor identifies a blob in an OCI archive.
type descriptor struct{ Digest string }

// images returns the images in an OCI archive with one index.
func images(t *testing.T, archive string) (all []*image) {
	t.Helper()
	blobs := make(map[string][]byte)
	for _, f := range untar(t, []byte(readFile(t, archive))) {
		blobs[strings.TrimPrefix(f.Name, "./")] = f.content
	}
	blob := func(d descriptor) []byte {
		content, ok := blobs["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
		if !ok {
			t.Fatalf("%s has no blob %s", archive, d.Digest)
		}
		return content
	}
	var top, index struct{ Manifests []descriptor }
	parseJSON(t, string(blobs["index.json"]), &top)
	if len(top.Manifests) != 1 {
		t.Fatalf("index.json has %d indices, want one", len(top.Manifests))
	}
	parseJSON(t, string(blob(top.Manifests[0])), &index)
	for _, d := range index.Manifests {
		var manifest struct {
			Config descriptor
			Layers []descriptor
		}
		parseJSON(t, string(blob(d)), &manifest)
		i := new(image)
		parseJSON(t, string(blob(manifest.Config)), i)
		for _, layer := range manifest.Layers {
			i.files = append(i.files, untar(t, gunzip(t, blob(layer)))...)
		}
		all = append(all, i)
	}
	return all
}

// unpack writes the files of an image to a directory.
func (i *image) unpack(t *testing.T, root string) {
	t.Helper()
	for _, f := range i.files {
		path := filepath.Join(root, filepath.FromSlash(f.Name))
		var err error
		if f.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, f.FileInfo().Mode().Perm())
		} else {
			err = os.WriteFile(path, f.content, f.FileInfo().Mode().Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func untar(t *testing.T, b []byte) (all []tarFile) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tarFile{h, content})
	}
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
