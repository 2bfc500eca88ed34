package blackbox

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// nameCase is a change of one name. Its upstream is always healthy.
type nameCase struct {
	name    string
	host    string
	reply   fake.DNSReply
	reasons []string // why the upstream fails afterwards, if it does
}

var (
	here      = netip.MustParseAddr("127.0.0.1")
	elsewhere = netip.MustParseAddr("127.0.0.2")
	nowhere   = netip.MustParseAddr("127.0.0.3")
	here6     = netip.MustParseAddr("::1")
)

func nameCases() []nameCase {
	to := fake.Addresses
	dns := []string{"dns"}
	return []nameCase{
		{"the name server fails", "failing.test", fake.DNSReply{Code: fake.ServerFail}, dns},
		{"the name is gone", "gone.test", fake.DNSReply{Code: fake.NoSuchName}, dns},
		{"the name server refuses", "refused.test", fake.DNSReply{Code: fake.Refused}, dns},
		{"the name has no address", "empty.test", to(), dns},
		{"the name server sends garbage", "garbage.test", fake.DNSReply{Code: fake.Garbage}, []string{"dns", "timeout"}},
		{"the name server is silent", "silent.test", fake.DNSReply{Code: fake.Silence}, []string{"dns", "timeout"}},
		{"nothing listens on the address", "moved.test", to(nowhere), []string{"connect"}},
		{"nothing listens on any of several addresses", "nobody.test", to(nowhere, here6), []string{"connect"}},
		{"IPv6 is refused, IPv4 works", "dual.test", to(here6, here), nil},
		{"IPv6 is silent, IPv4 works", "blackhole.test", to(here6, here), nil},
		{"the first address is refused", "several.test", to(nowhere, here), nil},
	}
}

func startNameServer(t *testing.T) *fake.NameServer {
	t.Helper()
	names, err := fake.StartNameServer("127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(names.Close)
	return names
}

func portOf(server *fake.Server) string {
	_, port, _ := net.SplitHostPort(server.Addr())
	return port
}

func TestEveryChangeOfANameIsHandled(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	if !ownNamespace(t) {
		return
	}
	names := startNameServer(t)
	var servers []*fake.Server
	var upstreams, urls []string
	for _, r := range nameCases() {
		server := start(t)
		publishOnce(server, documentBefore)
		names.Set(r.host, fake.Addresses(here))
		upstream := net.JoinHostPort(r.host, portOf(server))
		servers, upstreams, urls = append(servers, server), append(upstreams, upstream), append(urls, "http://"+upstream)
		if r.host == "blackhole.test" {
			blackhole, err := fake.ListenBlackhole(netip.AddrPortFrom(here6, netip.MustParseAddrPort(server.Addr()).Port()))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(blackhole.Close)
		}
	}
	p := watch(t, patientFlags, urls...)
	checkLeaks(t, p, servers...)
	for i, r := range nameCases() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			checkName(t, p, names, servers[i], upstreams[i], r)
		})
	}
}

func checkName(t *testing.T, p *program, names *fake.NameServer, server *fake.Server, upstream string, r nameCase) {
	p.awaitGood(t, upstream, documentBefore)
	names.Set(r.host, r.reply)
	publishOnce(server, documentAfter)
	if len(r.reasons) == 0 {
		requests, queries := server.Requests(fake.Metrics), names.Queries(r.host)
		p.await(t, upstream, func(e exposition) error {
			return errors.Join(
				counted("cycles", server.Requests(fake.Metrics)-requests, watchedCycles),
				counted("queries", names.Queries(r.host)-queries, watchedCycles),
				allGood(e, upstream, documentAfter))
		})
		if line := p.log.From(r.host + ":" + portOf(server) + " endpoint"); line != "" {
			t.Errorf("got a log line about the upstream, want none, since it never failed: %s", line)
		}
		return
	}
	// An endpoint whose name was looked up before the change may have received the new document.
	e := p.await(t, upstream, func(e exposition) error {
		var all []error
		for _, path := range v1Paths {
			if s := (endpoint{upstream, path}); s.bad(e, documentBefore, r.reasons...) != nil {
				all = append(all, s.bad(e, documentAfter, r.reasons...))
			}
		}
		return errors.Join(all...)
	})
	var failed float64
	for _, path := range v1Paths {
		for _, reason := range r.reasons {
			failed += e.attempts(path, reason)
		}
	}
	if failed == 0 {
		t.Errorf("got no attempts that ended in %q, want some", r.reasons)
	}
	names.Set(r.host, fake.Addresses(here))
	p.awaitGood(t, upstream, documentAfter)
}

// TestANameThatFlapsAndMovesIsFollowed uses a name that does not exist at first, appears and vanishes several times, and
// moves to another machine.
func TestANameThatFlapsAndMovesIsFollowed(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	if !ownNamespace(t) {
		return
	}
	const host = "flaps.test"
	names, first := startNameServer(t), start(t)
	second := startOn(t, net.JoinHostPort(elsewhere.String(), portOf(first)))
	upstream := net.JoinHostPort(host, portOf(first))
	publishOnce(first, documentBefore)
	p := watch(t, patientFlags, "http://"+upstream)
	checkLeaks(t, p, first, second)
	p.await(t, upstream, func(e exposition) error { return allNeverGood(e, upstream, "dns") })
	for id := range 3 {
		publishOnce(first, id)
		names.Set(host, fake.Addresses(here))
		p.awaitGood(t, upstream, id)
		names.Set(host, fake.DNSReply{Code: fake.NoSuchName})
		p.awaitBad(t, upstream, id, "dns")
	}
	requests := first.Requests(fake.Metrics)
	publishOnce(second, 9)
	names.Set(host, fake.Addresses(elsewhere))
	e := p.awaitGood(t, upstream, 9)
	if got := first.Requests(fake.Metrics); got != requests {
		t.Errorf("the old address got %d requests after the name had moved, want none", got-requests)
	}
	if err := e.is(series("betanet_exporter_upstream_resets_total", "upstream", upstream), 0); err != nil {
		t.Errorf("although no counter fell: %v", err)
	}
}
