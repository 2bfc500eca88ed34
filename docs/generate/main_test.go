package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPagesAreWhatTheCodeSays(t *testing.T) {
	for name, page := range pages {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := page(string(got))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the code says, run make generate", name)
		}
	}
}
