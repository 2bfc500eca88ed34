package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/discovery"
)

func targets(names ...string) (l discovery.List) {
	for _, n := range names {
		l.Targets = append(l.Targets, discovery.Target{Name: n, URL: &url.URL{Scheme: "http", Host: n}})
	}
	return l
}

// failing returns the list of a failed read.
func failing(err string, names ...string) discovery.List {
	l := targets(names...)
	l.Err, l.Partial = errors.New(err), len(names) > 0
	return l
}

// rejecting returns a list with one valid target and n rejected ones.
func rejecting(n int) discovery.List {
	l := targets("a:1")
	for i := range n {
		l.Rejected = append(l.Rejected, fmt.Sprint("bad ", i))
	}
	return l
}

func TestChangesOfASourceAreLogged(t *testing.T) {
	stripped, noted := targets("a:1"), targets("a:1")
	stripped.Stripped = []string{"a:1"}
	noted.Note = "x has AAAA records and no A records, use type AAAA"
	const empty = `level=WARN msg="Discovery found no targets" discovery=file:x`
	failed := func(err string, targets int) string {
		return fmt.Sprintf(`level=WARN msg="Discovery failed, keeping the last list of targets" discovery=file:x err=%s targets=%d changes=1`, err, targets)
	}
	const recovered = `level=INFO msg="Discovery recovered" discovery=file:x targets=1 changes=1`
	for name, c := range map[string]struct {
		lists []discovery.List // one each 30 s
		want  []string
	}{
		"nothing changes":         {[]discovery.List{targets("a:1"), targets("a:1"), targets("b:1")}, nil},
		"the first list is empty": {[]discovery.List{targets(), targets()}, []string{empty}},
		"a source becomes empty":  {[]discovery.List{targets("a:1"), targets(), targets(), targets("a:1"), targets()}, []string{empty, empty}},
		"a failure, other reasons within a minute and later, and the recovery": {
			[]discovery.List{targets("a:1"), failing("one"), failing("one"), failing("two"), failing("three"), failing("three"), targets("a:1")},
			[]string{failed("one", 1), failed("two", 1), failed("three", 1), recovered},
		},
		"a failure over a new connection each time": {
			[]discovery.List{failing("read udp 127.0.0.1:34041->10.0.0.1:53: timeout"), targets("a:1"), failing("read udp 127.0.0.1:36941->10.0.0.1:53: timeout"), failing("read udp 127.0.0.1:36942->10.0.0.1:53: timeout")},
			[]string{failed(`"read udp 10.0.0.1:53: timeout"`, 0), recovered, failed(`"read udp 10.0.0.1:53: timeout"`, 1)},
		},
		"a part of a source fails": {[]discovery.List{failing("b is broken", "a:1")}, []string{failed(`"b is broken"`, 1)}},
		"targets are rejected": {[]discovery.List{rejecting(1), rejecting(1), targets("a:1"), targets("a:1"), rejecting(7)}, []string{
			`level=WARN msg="Targets left out" discovery=file:x rejected=1 err="bad 0" changes=1`,
			`level=INFO msg="All targets are valid again" discovery=file:x changes=1`,
			`level=WARN msg="Targets left out" discovery=file:x rejected=7 err="bad 0, bad 1, bad 2, bad 3, bad 4 and 2 more" changes=1`,
		}},
		"labels that Prometheus sets are dropped": {[]discovery.List{stripped, stripped, targets("a:1")}, []string{
			`level=WARN msg="Dropping the labels instance and job, which Prometheus sets itself" discovery=file:x targets=a:1 changes=1`,
		}},
		"only AAAA records": {[]discovery.List{noted, noted}, []string{
			`level=WARN msg="Discovery may be missing targets" discovery=file:x note="x has AAAA records and no A records, use type AAAA" changes=1`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b logBuffer
				var s sourceState
				for _, l := range c.lists {
					s.update("file:x", l, b.logger())
					time.Sleep(30 * time.Second)
				}
				b.want(t, c.want...)
			})
		})
	}
}

func TestMetricsOfASourceKeepItsLastTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sourceState
		log := slog.New(slog.DiscardHandler)
		if got := s.metrics(0); got.Tried || got.Up {
			t.Errorf("before the first read: got %+v, want neither tried nor up", got)
		}
		l := targets("a:1", "b:1")
		l.Rejected = []string{"bad"}
		s.update("x", l, log)
		read := time.Now()
		time.Sleep(time.Minute)
		s.update("x", discovery.List{Err: errors.New("gone")}, log)
		got := s.metrics(0)
		if !got.Tried || got.Up || got.Targets != 2 || got.Rejected != 1 || !got.LastSuccess.Equal(read) {
			t.Errorf("got %+v, want a failing source with its last 2 targets", got)
		}
	})
}
