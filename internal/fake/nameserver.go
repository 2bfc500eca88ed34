package fake

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// The response codes of RFC 1035, and two values for no response and for a response that is not DNS.
const (
	NoError    = 0
	ServerFail = 2
	NoSuchName = 3
	Refused    = 5
	Silence    = -1
	Garbage    = -2
)

// The supported record types, of RFC 1035, 3596 and 2782.
const (
	A    = 1
	AAAA = 28
	SRV  = 33
)

// A Record is a resource record without its name.
type Record struct {
	Type uint16
	Data []byte
}

// Address returns an A or AAAA record.
func Address(a netip.Addr) Record {
	if a.Is4() {
		return Record{A, a.AsSlice()}
	}
	return Record{AAAA, a.AsSlice()}
}

// ServiceAt returns an SRV record.
func ServiceAt(priority, port uint16, target string) Record {
	b := binary.BigEndian.AppendUint16(nil, priority)
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint16(b, port)
	for label := range strings.SplitSeq(strings.TrimSuffix(target, "."), ".") {
		if label != "" {
			b = append(append(b, byte(len(label))), label...)
		}
	}
	return Record{SRV, append(b, 0)}
}

// DNSReply is the response to a query: a code and, with NoError, records.
type DNSReply struct {
	Code    int
	Records []Record
}

// Addresses returns the response for a name with the given addresses.
func Addresses(addresses ...netip.Addr) (r DNSReply) {
	for _, a := range addresses {
		r.Records = append(r.Records, Address(a))
	}
	return r
}

// NameServer is a DNS server over UDP with responses that can be changed at any time.
type NameServer struct {
	conn net.PacketConn
	done chan struct{}

	mu      sync.Mutex
	names   map[string]map[uint16]DNSReply // by type; 0 is for all other types
	queries map[string]int
}

// StartNameServer starts a name server on an address. The caller must Close it.
func StartNameServer(address string) (*NameServer, error) {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("name server: %w", err)
	}
	n := &NameServer{conn: conn, done: make(chan struct{}), names: map[string]map[uint16]DNSReply{}, queries: map[string]int{}}
	go n.serve()
	return n, nil
}

// Resolver returns a resolver that queries only this server.
func (n *NameServer) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

// Set sets the response for a name. Names that were never set do not exist.
func (n *NameServer) Set(name string, reply DNSReply) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name] = map[uint16]DNSReply{0: reply}
}

// SetType sets the response for one record type of a name. Set must have been called for the name before.
func (n *NameServer) SetType(name string, typ uint16, reply DNSReply) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name][typ] = reply
}

// Queries returns the number of queries for a name.
func (n *NameServer) Queries(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.queries[name]
}

// Names returns all names that were queried.
func (n *NameServer) Names() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.queries))
}

// Close stops the server and waits for its goroutine.
func (n *NameServer) Close() {
	n.conn.Close()
	<-n.done
}

func (n *NameServer) serve() {
	defer close(n.done)
	buf := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if reply := n.reply(buf[:size]); reply != nil {
			n.conn.WriteTo(reply, from)
		}
	}
}

const dnsHeaderSize = 12

// reply returns the response to a query with one question, which it repeats. It returns nil for no response.
func (n *NameServer) reply(query []byte) []byte {
	name, end := question(query)
	if end+4 > len(query) {
		return nil
	}
	typ := binary.BigEndian.Uint16(query[end:])
	found := n.find(name, typ)
	switch found.Code {
	case Silence:
		return nil
	case Garbage:
		return append(slices.Clone(query[:2]), "garbage"...)
	}
	a := slices.Clone(query[:end+4])
	a[2], a[3] = 0x84, byte(found.Code) // an authoritative response
	clear(a[6:dnsHeaderSize])
	for _, r := range found.Records {
		if r.Type == typ {
			a[7]++
			a = append(a, 0xc0, dnsHeaderSize, byte(typ>>8), byte(typ), 0, 1, 0, 0, 0, 0) // a pointer to the name, type, IN, TTL 0
			a = binary.BigEndian.AppendUint16(a, uint16(len(r.Data)))
			a = append(a, r.Data...)
		}
	}
	return a
}

// find counts a query and returns the response for a type.
func (n *NameServer) find(name string, typ uint16) DNSReply {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queries[name]++
	byType, known := n.names[name]
	if !known {
		return DNSReply{Code: NoSuchName}
	}
	if reply, ok := byType[typ]; ok {
		return reply
	}
	return byType[0]
}

// question returns the name in a query and the offset of the next byte, or len(query) if the query has no name.
func question(query []byte) (string, int) {
	var labels []string
	for at := dnsHeaderSize; at < len(query); {
		size := int(query[at])
		at++
		if size == 0 {
			return strings.Join(labels, "."), at
		}
		if at+size > len(query) {
			break
		}
		labels = append(labels, string(query[at:at+size]))
		at += size
	}
	return "", len(query)
}
