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
	A   = "A" // and AAAA
	SRV = "SRV"
)

// DNS is a source of addresses of one name: of its A and AAAA records with a
// port that is the same for all, or of its SRV records, which have their own.
//
// A name that does not exist, or has no such records, is a mistake and no empty
// list. So is half an answer: an error for AAAA beside good A records.
type DNS struct {
	name, typ        string
	port             int
	refresh, timeout time.Duration
	resolver         *net.Resolver
}

// NewDNS makes the source of the name's records of a type, A or SRV, looked up
// every refresh (30 s if that is not positive), each time within 10 s. The port
// counts for A only. Go's own resolver is used, with the connections that the
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
func (d *DNS) Run(ctx context.Context, found func([]Target, error)) {
	watch(ctx, d.refresh, d.read, found)
}

func (d *DNS) read(ctx context.Context) ([]Target, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	what, lookUp := "A and AAAA", d.addresses
	if d.typ == SRV {
		what, lookUp = SRV, d.services
	}
	found, err := lookUp(ctx)
	var l listing
	if err == nil {
		err = l.records(found)
	}
	var cause *net.DNSError
	switch isDNS := errors.As(err, &cause); {
	case err == nil:
		return l.targets, nil
	case isDNS && cause.IsTimeout:
		err = errors.New("no answer in time")
	case isDNS:
		err = errors.New(cause.Err)
	}
	return nil, fmt.Errorf("look up %s of %s: %w", what, d.name, err)
}

// records lists what was looked up, each once and in order.
func (l *listing) records(found []string) error {
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) > maxTargets {
		return fmt.Errorf("%d records, at most %d are accepted", len(found), maxTargets)
	}
	l.group = group{addresses: found, scheme: "http"}
	for i, a := range found {
		if err := checkAddress(a); err != nil {
			return fmt.Errorf("record %d in order %w", i+1, err)
		}
	}
	return l.end()
}

// addresses asks for A and AAAA one after the other: in one call, half an answer
// would look like a whole.
func (d *DNS) addresses(ctx context.Context) ([]string, error) {
	var all []string
	var missing error
	for _, network := range []string{"ip4", "ip6"} {
		found, err := d.resolver.LookupNetIP(ctx, network, d.name)
		switch {
		case isMissing(err):
			missing = err
		case err != nil:
			return nil, err
		}
		for _, a := range found {
			all = append(all, net.JoinHostPort(a.Unmap().String(), strconv.Itoa(d.port)))
		}
	}
	if len(all) == 0 {
		return nil, missing
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
	if err != nil {
		return nil, err
	}
	var all []string
	for _, r := range records {
		if r.Target != "." {
			all = append(all, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
		}
	}
	return all, nil
}
