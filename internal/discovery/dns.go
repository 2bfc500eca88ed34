package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Types of DNS records.
const (
	A    = "A"    // IPv4 addresses
	AAAA = "AAAA" // IPv6 addresses
	SRV  = "SRV"  // host names with ports
)

// DNS is a source that lists the records of a name: A or AAAA records, all with the same
// port, or SRV records, which have their own ports.
//
// A name that does not exist, or has no records of the type, lists nothing. Other
// failures are errors.
type DNS struct {
	name, typ        string
	port             int
	refresh, timeout time.Duration
	resolver         *net.Resolver
}

// NewDNS returns a source that looks up the records of a type, A, AAAA or SRV, every refresh
// (30 s if that is not positive), with a timeout of 10 s. The port is used for A and AAAA.
// Only the Dial function of resolver is used; nil means the system's name servers.
func NewDNS(name, typ string, port int, refresh time.Duration, resolver *net.Resolver) *DNS {
	if refresh <= 0 {
		refresh = 30 * time.Second
	}
	return &DNS{name, typ, port, refresh, 10 * time.Second, strictResolver(resolver)}
}

// strictResolver returns a resolver over r's connections. It does not report a failure as
// a missing name when there is a search list, and it stops when its context is canceled.
func strictResolver(r *net.Resolver) *net.Resolver {
	dial := new(net.Dialer).DialContext
	if r != nil && r.Dial != nil {
		dial = r.Dial
	}
	return &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		// The resolver respects the deadline of ctx, but not its cancellation.
		context.AfterFunc(ctx, func() {
			if ctx.Err() == context.Canceled {
				conn.Close()
			}
		})
		return conn, nil
	}}
}

// String returns "dns:" followed by the name.
func (d *DNS) String() string { return "dns:" + d.name }

// Run implements [Source]. A canceled lookup ends a moment after Run returns.
func (d *DNS) Run(ctx context.Context, found func(List)) {
	repeat(ctx, d.refresh, d.read, found)
}

func (d *DNS) read(ctx context.Context) List {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	var b builder
	found, err := d.lookUp(ctx)
	if len(found) > 0 && err != nil { // the resolver left out records with invalid names
		b.Rejected, err = append(b.Rejected, "some records: "+lookupError(err).Error()), nil
	}
	if err == nil {
		err = b.addRecords(found)
	}
	if err != nil {
		return List{Err: fmt.Errorf("look up %s of %s: %w", d.typ, d.name, lookupError(err))}
	}
	if d.typ == A && len(b.Targets) == 0 {
		// Ignore an error: the note is only a hint.
		if other, err := d.addresses(ctx, "ip6"); err == nil && len(other) > 0 {
			b.Note = d.name + " has AAAA records and no A records, use type AAAA"
		}
	}
	return b.List
}

// lookupError returns an error of the resolver without the name and the server.
func lookupError(err error) error {
	var cause *net.DNSError
	switch isDNS := errors.As(err, &cause); {
	case isDNS && cause.IsTimeout:
		return errors.New("no answer in time")
	case isDNS:
		return errors.New(cause.Err)
	default:
		return err
	}
}

// addRecords adds a group of the records, sorted and without duplicates.
func (b *builder) addRecords(found []string) error {
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) > maxTargets {
		return fmt.Errorf("%d records, at most %d are accepted", len(found), maxTargets)
	}
	b.groups, b.group = 1, group{scheme: "http"}
	for _, a := range found {
		b.group.addresses = append(b.group.addresses, value{typeName: aString, text: a})
	}
	b.endGroup()
	return nil
}

func (d *DNS) lookUp(ctx context.Context) ([]string, error) {
	switch d.typ {
	case SRV:
		return d.services(ctx)
	case AAAA:
		return d.addresses(ctx, "ip6")
	default:
		return d.addresses(ctx, "ip4")
	}
}

// addresses looks up IPv4 or IPv6 addresses.
func (d *DNS) addresses(ctx context.Context, network string) (all []string, err error) {
	found, err := d.resolver.LookupNetIP(ctx, network, d.name)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	for _, a := range found {
		all = append(all, net.JoinHostPort(a.Unmap().String(), strconv.Itoa(d.port)))
	}
	return all, nil
}

// isMissing reports whether an error means that there are no such records: the name server
// has none, or the hosts file has only addresses of the other family.
func isMissing(err error) bool {
	var unknown *net.DNSError
	var unsuitable *net.AddrError
	return errors.As(err, &unknown) && unknown.IsNotFound || errors.As(err, &unsuitable)
}

// services looks up SRV records. The target "." means that the service does not exist
// (RFC 2782).
func (d *DNS) services(ctx context.Context) ([]string, error) {
	_, records, err := d.resolver.LookupSRV(ctx, "", "", d.name)
	if isMissing(err) {
		err = nil
	}
	var all []string
	for _, r := range records {
		if r.Target != "." {
			all = append(all, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
		}
	}
	return all, err
}
