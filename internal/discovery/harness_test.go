package discovery

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text writes a list as name=URL{labels}, with the rejected targets behind it, or
// the error.
func text(l List) string {
	if l.Err != nil {
		return l.Err.Error()
	}
	var all []string
	for _, t := range l.Targets {
		s := t.Name + "=" + t.URL.String()
		if t.Labels != nil {
			s += fmt.Sprint(t.Labels)
		}
		all = append(all, s)
	}
	for _, r := range l.Rejected {
		all = append(all, "rejected "+r)
	}
	return strings.Join(all, " ")
}

func wantText(t *testing.T, list List, want string) {
	t.Helper()
	if got := text(list); got != want {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// reports are what a running source found.
type reports struct {
	mu   sync.Mutex
	all  []string
	list []Target      // the last good one
	kept List          // the last one
	news chan struct{} // has something when there is a report
}

// run starts a source that ends with the test, or earlier with stop, which
// returns when Run has.
func run(t *testing.T, s Source) (r *reports, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	r = &reports{news: make(chan struct{}, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx, func(list List) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.all = append(r.all, text(list)); list.Err == nil {
				r.list = list.Targets
			}
			r.kept = list
			select {
			case r.news <- struct{}{}:
			default:
			}
		})
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return r, stop
}

// wantLast looks at the last report and their number so far.
func (r *reports) wantLast(t *testing.T, number int, want string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) != number {
		t.Fatalf("got %d reports, want %d: %q", len(r.all), number, r.all)
	}
	if got := r.all[number-1]; got != want {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
}

// await waits, in real time, until a report is as wanted.
func (r *reports) await(t *testing.T, want string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		r.mu.Lock()
		seen := r.all
		r.mu.Unlock()
		if len(seen) > 0 && seen[len(seen)-1] == want {
			return
		}
		select {
		case <-r.news:
		case <-late:
			t.Fatalf("got %q, want %v in the end", seen, want)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read reads a document in a format.
func read(parse func([]byte, *listing) error, body string) List {
	return new(document).read(strings.NewReader(body), parse)
}

var formats = map[string]func([]byte, *listing) error{"JSON": readJSON, "YAML": readYAML}

// eachFormat runs a test for all formats that there are.
func eachFormat(t *testing.T, do func(t *testing.T, parse func([]byte, *listing) error)) {
	for name, parse := range maps.All(formats) {
		t.Run(name, func(t *testing.T) { do(t, parse) })
	}
}
