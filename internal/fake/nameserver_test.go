package fake

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestANameServerRespondsAsConfigured(t *testing.T) {
	names, err := StartNameServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(names.Close)
	names.Set("both.test", Addresses(netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")))
	got, err := names.Resolver().LookupNetIP(t.Context(), "ip", "both.test.")
	if err != nil || len(got) != 2 {
		t.Errorf("got %v %v, want two addresses", got, err)
	}
	names.Set("bad.test", DNSReply{Code: ServerFail})
	for name, notFound := range map[string]bool{"bad.test.": false, "unknown.test.": true} {
		var e *net.DNSError
		if _, err := names.Resolver().LookupNetIP(t.Context(), "ip", name); !errors.As(err, &e) || e.IsNotFound != notFound {
			t.Errorf("%s: got %v, want a DNS error with IsNotFound %v", name, err, notFound)
		}
	}
	if names.Queries("both.test") == 0 {
		t.Error("got no query for both.test, want some")
	}
}
