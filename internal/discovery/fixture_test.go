package discovery

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text formats a list as name=URL[labels], followed by the rejected targets. If the list
// has an error, text returns only the error.
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

// reports records the lists of a running source.
type reports struct {
	mu   sync.Mutex
	all  []string
	list []Target // of the last report without an error
	last List
	news chan struct{} // has a value after a new report
}

// run runs a source until the end of the test or until stop, which waits for Run.
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
			r.last = list
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

// wantLast checks the last report and the number of reports so far.
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

// await waits for a report, in real time.
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

// read parses a document.
func read(parse parser, body string) List {
	return new(document).read(strings.NewReader(body), parse)
}

var formats = map[string]parser{"JSON": readJSON, "YAML": readYAML}

// eachFormat runs a test with each parser.
func eachFormat(t *testing.T, do func(t *testing.T, parse parser)) {
	for name, parse := range formats {
		t.Run(name, func(t *testing.T) { do(t, parse) })
	}
}

// wantParsed checks the list that each parser returns for a document.
func wantParsed(t *testing.T, body, want string) {
	t.Helper()
	for name, parse := range formats {
		if got := text(read(parse, body)); got != want {
			t.Errorf("%s %.200s\ngot  %v\nwant %v", name, body, got, want)
		}
	}
}
