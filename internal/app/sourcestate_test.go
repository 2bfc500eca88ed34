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

func TestChangesOfASourceAreLogged(t *testing.T) {
	failing := func(why string, partial bool, names ...string) discovery.List {
		l := targets(names...)
		l.Err, l.Partial = errors.New(why), partial
		return l
	}
	rejects := func(n int) discovery.List {
		l := targets("a:1")
		for i := range n {
			l.Rejected = append(l.Rejected, fmt.Sprint("bad ", i))
		}
		return l
	}
	strips := targets("a:1")
	strips.Stripped = []string{"a:1"}
	noted := targets("a:1")
	noted.Note = "x has AAAA records and no A records, use type AAAA"
	const source = " discovery=file:x "
	for name, c := range map[string]struct {
		lists []discovery.List // one each 30 s
		want  []string
	}{
		"nothing happens": {[]discovery.List{targets("a:1"), targets("a:1"), targets("b:1")}, nil},
		"nothing is listed at first": {[]discovery.List{targets(), targets()}, []string{
			`level=WARN msg="Discovery lists no targets" discovery=file:x`,
		}},
		"a source becomes empty": {[]discovery.List{targets("a:1"), targets(), targets(), targets("a:1"), targets()}, []string{
			`level=WARN msg="Discovery lists no targets" discovery=file:x`,
			`level=WARN msg="Discovery lists no targets" discovery=file:x`,
		}},
		"a failure, other reasons within a minute and later, and the end": {
			[]discovery.List{
				targets("a:1"), failing("one", false), failing("one", false), failing("two", false), failing("three", false), failing("three", false), targets("a:1"),
			},
			[]string{
				`level=WARN msg="Discovery failed, keeping the last list of targets"` + source + `err=one targets=1 changes=1`,
				`level=WARN msg="Discovery failed, keeping the last list of targets"` + source + `err=two targets=1 changes=1`,
				`level=WARN msg="Discovery failed, keeping the last list of targets"` + source + `err=three targets=1 changes=1`,
				`level=INFO msg="Discovery recovered"` + source + `targets=1 changes=1`,
			},
		},
		"a failure over a new connection each time": {
			[]discovery.List{failing("read udp 127.0.0.1:34041->10.0.0.1:53: timeout", false), targets("a:1"), failing("read udp 127.0.0.1:36941->10.0.0.1:53: timeout", false), failing("read udp 127.0.0.1:36942->10.0.0.1:53: timeout", false)},
			[]string{
				`level=WARN msg="Discovery failed, keeping the last list of targets"` + source + `err="read udp 10.0.0.1:53: timeout" targets=0 changes=1`,
				`level=INFO msg="Discovery recovered"` + source + `targets=1 changes=1`,
				`level=WARN msg="Discovery failed, keeping the last list of targets"` + source + `err="read udp 10.0.0.1:53: timeout" targets=1 changes=1`,
			},
		},
		"a part fails": {[]discovery.List{failing("b is broken", true, "a:1")}, []string{
			`level=WARN msg="Discovery failed, keeping the last list of targets"` + source + `err="b is broken" targets=1 changes=1`,
		}},
		"targets are left out": {[]discovery.List{rejects(1), rejects(1), targets("a:1"), targets("a:1"), rejects(7)}, []string{
			`level=WARN msg="Targets left out"` + source + `rejected=1 err="bad 0" changes=1`,
			`level=INFO msg="No targets are left out any more"` + source + `changes=1`,
			`level=WARN msg="Targets left out"` + source + `rejected=7 err="bad 0, bad 1, bad 2, bad 3, bad 4 and 2 more" changes=1`,
		}},
		"labels of the scraper": {[]discovery.List{strips, strips, targets("a:1")}, []string{
			`level=WARN msg="Labels instance and job dropped, which Prometheus sets"` + source + `targets=a:1 changes=1`,
		}},
		"only AAAA records": {[]discovery.List{noted, noted}, []string{
			`level=WARN msg="Discovery may be missing targets"` + source + `note="x has AAAA records and no A records, use type AAAA" changes=1`,
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

func TestTheMetricsOfASourceKeepItsLastTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sourceState
		log := slog.New(slog.DiscardHandler)
		if got := s.metrics(0); got.Tried || got.Up {
			t.Errorf("before the first read: got %+v", got)
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
