package discovery

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// zone is a local name server that knows one name, domain.
type zone struct{ *fake.NameServer }

// newZone starts a name server and returns a resolver that uses only this server.
func newZone(t *testing.T) (zone, *net.Resolver) {
	t.Helper()
	z, err := fake.StartNameServer("127.0.0.1:0")
	must(t, err)
	t.Cleanup(z.Close)
	z.Set(domain, fake.DNSReply{})
	return zone{z}, z.Resolver()
}

// domain is fqdn as it appears in questions, without the trailing dot.
var domain = strings.TrimSuffix(fqdn, ".")

// set sets the answer to questions of a type.
func (z zone) set(typ uint16, code int, records ...fake.Record) {
	z.SetType(domain, typ, fake.DNSReply{Code: code, Records: records})
}

// stopResponding makes the server ignore questions.
func (z zone) stopResponding() { z.Set(domain, fake.DNSReply{Code: fake.Silence}) }

// awaitQuestion waits for the first question.
func (z zone) awaitQuestion(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); z.Queries(domain) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("got no question, want one")
		}
	}
}

func address(s string) fake.Record { return fake.Address(netip.MustParseAddr(s)) }
