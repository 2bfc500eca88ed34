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

// Types of records that are looked up.
const (
	A    = "A"    // IPv4 addresses
	AAAA = "AAAA" // IPv6 addresses
	SRV  = "SRV"
)

// DNS is a source of addresses of one name: of its A or AAAA records, with a port
// that is the same for all, or of its SRV records, which have their own.
//
// A name that does not exist, or has no such records, lists nothing. Any other
// failure says nothing about what there is.
type DNS struct {
	name, typ        string
	port             int
	refresh, timeout time.Duration
	resolver         *net.Resolver
}

// NewDNS makes the source of the name's records of a type, looked up
// every refresh (30 s if that is not positive), each time within 10 s. The port
// counts for A and AAAA only. Go's own resolver is used, with the connections that the
// resolver's Dial makes; nil is for those to the system's name servers.
func NewDNS(name, typ string, port int, refresh time.Duration, resolver *net.Resolver) *DNS {
	if refresh <= 0 {
		refresh = 30 * time.Second
	}
	return &DNS{name, typ, port, refresh, 10 * time.Second, strictly(resolver)}
}

// strictly is a resolver over the same connections that takes no failure for a
// missing name, where there is a search list, and that ends with its context.
func strictly(r *net.Resolver) *net.Resolver {
	dial := new(net.Dialer).DialContext
	if r != nil && r.Dial != nil {
		dial = r.Dial
	}
	return &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		// The resolver minds the deadline of ctx, but would wait for an answer
		// until then when ctx is canceled. After an answer this does nothing.
		context.AfterFunc(ctx, func() {
			if ctx.Err() == context.Canceled {
				conn.Close()
			}
		})
		return conn, nil
	}}
}

// String is dns: and the name.
func (d *DNS) String() string { return "dns:" + d.name }

// Run is that of [Source]. A look-up that it leaves ends by itself a moment later.
func (d *DNS) Run(ctx context.Context, found func(List)) {
	watch(ctx, d.refresh, d.read, found)
}

func (d *DNS) read(ctx context.Context) List {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	var l listing
	found, err := d.lookUp(ctx)
	if len(found) > 0 && err != nil { // records with invalid names are left out by the resolver
		l.Rejected, err = append(l.Rejected, "records "+causeOf(err).Error()), nil
	}
	if err == nil {
		err = l.records(found)
	}
	if err != nil {
		return List{Err: fmt.Errorf("look up %s of %s: %w", d.typ, d.name, causeOf(err))}
	}
	if d.typ == A && len(l.Targets) == 0 {
		// Nothing of this decides about the list, so a failure may be ignored.
		if other, err := d.addresses(ctx, "ip6"); err == nil && len(other) > 0 {
			l.Note = d.name + " has AAAA records and no A records, use type AAAA"
		}
	}
	return l.List
}

// causeOf is what the resolver says, without what is said already.
func causeOf(err error) error {
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

// records lists what was looked up, each once and in order.
func (l *listing) records(found []string) error {
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) > maxTargets {
		return fmt.Errorf("%d records, at most %d are accepted", len(found), maxTargets)
	}
	l.groups, l.group = 1, group{scheme: "http"}
	for _, a := range found {
		l.group.addresses = append(l.group.addresses, value{kind: aString, text: a})
	}
	l.end()
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

// addresses asks for the addresses of one kind, none if there are none.
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

// isMissing reports whether there are no addresses of one kind: the name server
// has none, or those in the machine's list of hosts are all of the other kind.
func isMissing(err error) bool {
	var unknown *net.DNSError
	var unsuitable *net.AddrError
	return errors.As(err, &unknown) && unknown.IsNotFound || errors.As(err, &unsuitable)
}

// services asks for SRV. The target "." says that there is no such service (RFC
// 2782): alone, it is an empty list.
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
