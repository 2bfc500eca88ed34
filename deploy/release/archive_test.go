package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

var (
	modified    = time.Date(2026, 11, 24, 12, 30, 2, 0, time.UTC)
	packed      = []entry{{"b/read", 0o644, []byte("text")}, {"a", 0o755, []byte("program")}}
	wantEntries = []string{"top/a -rwxr-xr-x program", "top/b/read -rw-r--r-- text"}
)

func TestTarIsSortedWithOneTimeAndNoOwner(t *testing.T) {
	b, err := packTarGz("top", packed, modified)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() || z.Name != "" {
		t.Errorf("the gzip header has the time %v and the name %q, want neither", z.ModTime, z.Name)
	}
	var got []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %v %s", h.Name, h.FileInfo().Mode(), content))
		if !h.ModTime.Equal(modified) || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s has the time %v and the owner %d:%d, %q:%q, want the given time and no owner", h.Name, h.ModTime, h.Uid, h.Gid, h.Uname, h.Gname)
		}
	}
	if !slices.Equal(got, wantEntries) {
		t.Errorf("got the entries %q, want %q", got, wantEntries)
	}
}

func TestZipIsSortedWithOneTime(t *testing.T) {
	b, err := packZip("top", packed, modified.In(time.FixedZone("elsewhere", 3600)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.File {
		file, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %v %s", f.Name, f.Mode(), content))
		if !f.Modified.Equal(modified) {
			t.Errorf("%s has the time %v, want %v", f.Name, f.Modified, modified)
		}
	}
	if !slices.Equal(got, wantEntries) {
		t.Errorf("got the entries %q, want %q", got, wantEntries)
	}
	same, err := packZip("top", packed, modified)
	if err != nil || !bytes.Equal(b, same) {
		t.Errorf("another time zone gives a different archive: %v", err)
	}
}

func TestChecksumsMatchSha256sum(t *testing.T) {
	sums := make(checksums)
	sums.add("b", []byte("abc"))
	sums.add("a", nil)
	const want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n" +
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n"
	if got := string(sums.text()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestOnlyReleaseVersionsAreAccepted(t *testing.T) {
	for _, version := range []string{"dev", "1.2", "v1.2.3", "1.2.3-dirty", "1.2.3-4-gabcdef0", "1.2.3-rc1", "1.2.3 ", "1.2.3\n"} {
		if releaseVersion.MatchString(version) {
			t.Errorf("%q can be released", version)
		}
	}
	for _, version := range []string{"0.0.1", "1.20.3", "1.2.3-rc.1"} {
		if !releaseVersion.MatchString(version) {
			t.Errorf("%q cannot be released", version)
		}
	}
}
