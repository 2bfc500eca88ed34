package discovery

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// name has a trailing dot, so that the search list of the machine is not used.
const name = "betanet.test."

func TestAddressesAreTargetsWithThePortOfTheSource(t *testing.T) {
	z, resolver := newZone(t)
	z.set(fake.A, fake.NoError, address("10.0.0.2"), address("10.0.0.1"), address("10.0.0.2"))
	z.set(fake.AAAA, fake.NoError, address("2001:db8::1"))
	wantText(t, NewDNS(name, A, 9000, 0, resolver).read(t.Context()), "10.0.0.1:9000=http://10.0.0.1:9000 10.0.0.2:9000=http://10.0.0.2:9000")
	wantText(t, NewDNS(name, AAAA, 9000, 0, resolver).read(t.Context()), "[2001:db8::1]:9000=http://[2001:db8::1]:9000")
	for _, asked := range z.Names() {
		if asked != domain {
			t.Errorf("got a question for %s, want only %s", asked, name)
		}
	}
}

func TestTypeANotesANameWithOnlyAAAARecords(t *testing.T) {
	z, resolver := newZone(t)
	d := NewDNS(name, A, 9000, 0, resolver)
	z.set(fake.A, fake.NoSuchName)
	z.set(fake.AAAA, fake.NoError, address("2001:db8::1"))
	list := d.read(t.Context())
	if wantText(t, list, ""); list.Note != name+" has AAAA records and no A records, use type AAAA" {
		t.Errorf("got the note %q", list.Note)
	}
	z.set(fake.A, fake.NoError, address("10.0.0.1"))
	if list := d.read(t.Context()); list.Note != "" {
		t.Errorf("got the note %q with A records, want none", list.Note)
	}
}

func TestAFailedLookupIsAnError(t *testing.T) {
	z, resolver := newZone(t)
	d := NewDNS(name, A, 9000, 0, resolver)
	for _, code := range []int{fake.ServerFail, fake.Refused} {
		z.set(fake.A, code)
		z.set(fake.AAAA, fake.NoError, address("2001:db8::1"))
		list := d.read(t.Context())
		if wantText(t, list, "look up A of betanet.test.: server misbehaving"); list.Partial || list.Targets != nil {
			t.Errorf("got %+v, want nothing known", list)
		}
	}
	if !d.resolver.StrictErrors { // it matters only with a search list
		t.Error("StrictErrors: got false, want true")
	}
}

func TestServicesAreTargetsWithTheirPorts(t *testing.T) {
	z, resolver := newZone(t)
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(1, 9001, "b.betanet.test."), fake.ServiceAt(0, 9000, "b.betanet.test."), fake.ServiceAt(0, 9000, "a.betanet.test."), fake.ServiceAt(2, 9000, "a.betanet.test."))
	wantText(t, NewDNS(name, SRV, 1, 0, resolver).read(t.Context()), "a.betanet.test:9000=http://a.betanet.test:9000 b.betanet.test:9000=http://b.betanet.test:9000 b.betanet.test:9001=http://b.betanet.test:9001")
}

func TestAServiceThatDoesNotExistIsAnEmptyList(t *testing.T) {
	z, resolver := newZone(t)
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 0, "."))
	wantText(t, NewDNS(name, SRV, 0, 0, resolver).read(t.Context()), "")
}

func TestANameWithoutRecordsIsAnEmptyList(t *testing.T) {
	for _, typ := range []string{A, AAAA, SRV} {
		z, resolver := newZone(t)
		d := NewDNS(name, typ, 9000, 0, resolver)
		for code, want := range map[int]string{fake.NoError: "", fake.NoSuchName: "", fake.ServerFail: "look up " + typ + " of betanet.test.: server misbehaving"} {
			for _, typ := range []uint16{fake.A, fake.AAAA, fake.SRV} {
				z.set(typ, code)
			}
			wantText(t, d.read(t.Context()), want)
		}
	}
}

func TestInvalidRecordsAreRejected(t *testing.T) {
	z, resolver := newZone(t)
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 9000, "a.betanet.test."), fake.ServiceAt(0, 0, "b.betanet.test."))
	wantText(t, NewDNS(name, SRV, 0, 0, resolver).read(t.Context()), `a.betanet.test:9000=http://a.betanet.test:9000 rejected "b.betanet.test:0": has a bad port, want host:port with a port from 1 to 65535`)
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 9000, "a.betanet.test."), fake.ServiceAt(0, 1, "b c.betanet.test."))
	wantText(t, NewDNS(name, SRV, 0, 0, resolver).read(t.Context()), "a.betanet.test:9000=http://a.betanet.test:9000 rejected records DNS response contained records which contain invalid names")
}

func TestALookupTimesOut(t *testing.T) {
	for typ, what := range map[string]string{A: "A", AAAA: "AAAA", SRV: "SRV"} {
		z, resolver := newZone(t)
		z.fallSilent()
		d := NewDNS(name, typ, 9000, 0, resolver)
		if d.timeout != 10*time.Second {
			t.Errorf("got %v to wait for an answer, want 10s", d.timeout)
		}
		d.timeout = 50 * time.Millisecond
		list := d.read(t.Context())
		wantText(t, list, "look up "+what+" of betanet.test.: no answer in time")
	}
}

func TestTheEndOfASourceCancelsItsLookup(t *testing.T) {
	for _, typ := range []string{A, SRV} {
		z, resolver := newZone(t)
		z.fallSilent()
		r, stop := run(t, NewDNS(name, typ, 9000, 0, resolver))
		z.awaitQuestion(t)
		start := time.Now()
		stop()
		if d := time.Since(start); d > 2*time.Second || len(r.all) != 0 {
			t.Errorf("%s: got the end after %v and reports %q, want no delay and no reports", typ, d, r.all)
		}
	}
}

func TestChangedRecordsAreReported(t *testing.T) {
	z, resolver := newZone(t)
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 1, "a.test."))
	r, stop := run(t, NewDNS(name, SRV, 0, 10*time.Millisecond, resolver))
	r.await(t, "a.test:1=http://a.test:1")
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 1, "a.test."), fake.ServiceAt(0, 1, "b.test."))
	r.await(t, "a.test:1=http://a.test:1 b.test:1=http://b.test:1")
	z.set(fake.SRV, fake.ServerFail)
	r.await(t, "look up SRV of betanet.test.: server misbehaving")
	z.set(fake.SRV, fake.NoError, fake.ServiceAt(0, 1, "b.test."))
	r.await(t, "b.test:1=http://b.test:1")
	stop()
}

func TestTheNameOfADNSSourceHasItsName(t *testing.T) {
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
