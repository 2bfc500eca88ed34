package discovery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// fqdn has a trailing dot, so that the search list of the machine is not used.
const fqdn = "betanet.test."

func TestRecordsAreTargets(t *testing.T) {
	const a, aaaa, srv = fake.A, fake.AAAA, fake.SRV
	records := func(r ...fake.Record) fake.DNSReply { return fake.DNSReply{Records: r} }
	v4, v6 := records(address("10.0.0.2"), address("10.0.0.1"), address("10.0.0.2")), records(address("2001:db8::1"))
	none, missing, failure, refused := records(), fake.DNSReply{Code: fake.NoSuchName}, fake.DNSReply{Code: fake.ServerFail}, fake.DNSReply{Code: fake.Refused}
	for name, c := range map[string]struct {
		typ     string
		answers map[uint16]fake.DNSReply // by type
		want    string
	}{
		"A has IPv4 addresses":    {A, map[uint16]fake.DNSReply{a: v4, aaaa: v6}, "10.0.0.1:9000=http://10.0.0.1:9000 10.0.0.2:9000=http://10.0.0.2:9000"},
		"AAAA has IPv6 addresses": {AAAA, map[uint16]fake.DNSReply{a: v4, aaaa: v6}, "[2001:db8::1]:9000=http://[2001:db8::1]:9000"},
		"SRV has ports": {
			SRV,
			map[uint16]fake.DNSReply{srv: records(
				fake.ServiceAt(1, 9001, "b.betanet.test."), fake.ServiceAt(0, 9000, "b.betanet.test."),
				fake.ServiceAt(0, 9000, "a.betanet.test."), fake.ServiceAt(2, 9000, "a.betanet.test."),
			)},
			"a.betanet.test:9000=http://a.betanet.test:9000 b.betanet.test:9000=http://b.betanet.test:9000 b.betanet.test:9001=http://b.betanet.test:9001",
		},
		"a nonexistent service": {SRV, map[uint16]fake.DNSReply{srv: records(fake.ServiceAt(0, 0, "."))}, ""},
		"an invalid port": {
			SRV,
			map[uint16]fake.DNSReply{srv: records(fake.ServiceAt(0, 9000, "a.betanet.test."), fake.ServiceAt(0, 0, "b.betanet.test."))},
			`a.betanet.test:9000=http://a.betanet.test:9000 rejected "b.betanet.test:0": has a bad port, want host:port with a port from 1 to 65535`,
		},
		"an invalid name": {
			SRV,
			map[uint16]fake.DNSReply{srv: records(fake.ServiceAt(0, 9000, "a.betanet.test."), fake.ServiceAt(0, 1, "b c.betanet.test."))},
			"a.betanet.test:9000=http://a.betanet.test:9000 rejected some records: DNS response contained records which contain invalid names",
		},
		"A without records":       {A, map[uint16]fake.DNSReply{a: none, aaaa: none}, ""},
		"AAAA without records":    {AAAA, map[uint16]fake.DNSReply{aaaa: none}, ""},
		"SRV without records":     {SRV, map[uint16]fake.DNSReply{srv: none}, ""},
		"A of an unknown name":    {A, map[uint16]fake.DNSReply{a: missing, aaaa: missing}, ""},
		"AAAA of an unknown name": {AAAA, map[uint16]fake.DNSReply{aaaa: missing}, ""},
		"SRV of an unknown name":  {SRV, map[uint16]fake.DNSReply{srv: missing}, ""},
		"A fails":                 {A, map[uint16]fake.DNSReply{a: failure, aaaa: v6}, "look up A of betanet.test.: server misbehaving"},
		"A is refused":            {A, map[uint16]fake.DNSReply{a: refused, aaaa: v6}, "look up A of betanet.test.: server misbehaving"},
		"AAAA fails":              {AAAA, map[uint16]fake.DNSReply{aaaa: failure}, "look up AAAA of betanet.test.: server misbehaving"},
		"SRV fails":               {SRV, map[uint16]fake.DNSReply{srv: failure}, "look up SRV of betanet.test.: server misbehaving"},
	} {
		t.Run(name, func(t *testing.T) {
			z, resolver := newZone(t)
			for typ, answer := range c.answers {
				z.SetType(domain, typ, answer)
			}
			list := NewDNS(fqdn, c.typ, 9000, 0, resolver).read(t.Context())
			if wantText(t, list, c.want); list.Err != nil && (list.Partial || list.Targets != nil) {
				t.Errorf("got %+v, want only an error", list)
			}
			for _, question := range z.Names() {
				if question != domain {
					t.Errorf("got a question for %s, want only %s", question, domain)
				}
			}
		})
	}
}

func TestAFailureIsNotReportedAsAMissingName(t *testing.T) {
	// StrictErrors has an effect only on a machine with a search list.
	if !NewDNS(fqdn, A, 9000, 0, nil).resolver.StrictErrors {
		t.Error("StrictErrors: got false, want true")
	}
}

func TestTypeAWarnsAboutANameWithOnlyAAAARecords(t *testing.T) {
	z, resolver := newZone(t)
	d := NewDNS(fqdn, A, 9000, 0, resolver)
	z.set(fake.A, fake.NoSuchName)
	z.set(fake.AAAA, fake.NoError, address("2001:db8::1"))
	list := d.read(t.Context())
	if wantText(t, list, ""); list.Note != fqdn+" has AAAA records and no A records, use type AAAA" {
		t.Errorf("got the note %q, want one that suggests type AAAA", list.Note)
	}
	z.set(fake.A, fake.NoError, address("10.0.0.1"))
	if list := d.read(t.Context()); list.Note != "" {
		t.Errorf("got the note %q with A records, want none", list.Note)
	}
}

func TestALookupTimesOut(t *testing.T) {
	for _, typ := range []string{A, AAAA, SRV} {
		z, resolver := newZone(t)
		z.stopResponding()
		d := NewDNS(fqdn, typ, 9000, 0, resolver)
		if d.timeout != 10*time.Second {
			t.Errorf("got a timeout of %v, want 10s", d.timeout)
		}
		d.timeout = 50 * time.Millisecond
		list := d.read(t.Context())
		wantText(t, list, "look up "+typ+" of betanet.test.: no answer in time")
	}
}

func TestStoppingASourceCancelsItsLookup(t *testing.T) {
	for _, typ := range []string{A, SRV} {
		z, resolver := newZone(t)
		z.stopResponding()
		r, stop := run(t, NewDNS(fqdn, typ, 9000, 0, resolver))
		z.awaitQuestion(t)
		start := time.Now()
		stop()
		if d := time.Since(start); d > 2*time.Second || len(r.all) != 0 {
			t.Errorf("%s: stopped after %v with reports %q, want at most 2s and no reports", typ, d, r.all)
		}
	}
}

func TestChangedRecordsAreReported(t *testing.T) {
	z, resolver := newZone(t)
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 1, "a.test."))
	r, stop := run(t, NewDNS(fqdn, SRV, 0, 10*time.Millisecond, resolver))
	r.await(t, "a.test:1=http://a.test:1")
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 1, "a.test."), fake.ServiceAt(0, 1, "b.test."))
	r.await(t, "a.test:1=http://a.test:1 b.test:1=http://b.test:1")
	z.set(fake.SRV, fake.ServerFail)
	r.await(t, "look up SRV of betanet.test.: server misbehaving")
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 1, "b.test."))
	r.await(t, "b.test:1=http://b.test:1")
	stop()
}

func TestADNSSourceIsIdentifiedByItsName(t *testing.T) {
	if got := NewDNS("betanet.svc", SRV, 0, 0, nil).String(); got != "dns:betanet.svc" {
		t.Errorf("got %v, want dns:betanet.svc", got)
	}
}

func TestANameHasAtMost20000Records(t *testing.T) {
	var found []string
	for i := range 20_001 {
		found = append(found, fmt.Sprintf("a%d:1", i))
	}
	for n, want := range map[int]string{20_000: "<nil>", 20_001: "20001 records, at most 20000 are accepted"} {
		var l builder
		if err := l.addRecords(slices.Clone(found[:n])); fmt.Sprint(err) != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestAnAddressResolvesToItself(t *testing.T) {
	_, resolver := newZone(t)
	for address, want := range map[string]string{"127.0.0.1": "127.0.0.1:9000", "::1": "[::1]:9000"} {
		typ := A
		if address == "::1" {
			typ = AAAA
		}
		wantText(t, NewDNS(address, typ, 9000, 0, resolver).read(t.Context()), want+"=http://"+want)
	}
}
