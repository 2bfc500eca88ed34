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

// The codes of DNS answers, RFC 1035, and one for no answer at all.
const (
	NoError    = 0
	ServerFail = 2
	NoSuchName = 3
	Refused    = 5
	Silence    = -1
	Garbage    = -2
)

// The types of DNS records that are known here, RFC 1035 and 2782.
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

// Address is an A or an AAAA record.
func Address(a netip.Addr) Record {
	if a.Is4() {
		return Record{A, a.AsSlice()}
	}
	return Record{AAAA, a.AsSlice()}
}

// ServiceAt is an SRV record; its target is written as labels without compression.
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

// Name is the answer for one name: its records, or why there are none.
type Name struct {
	Code    int
	Records []Record
}

// To is a name with addresses.
func To(addresses ...netip.Addr) (n Name) {
	for _, a := range addresses {
		n.Records = append(n.Records, Address(a))
	}
	return n
}

// NameServer is a DNS server over UDP that answers as it is told to.
type NameServer struct {
	conn net.PacketConn
	done chan struct{}

	mu    sync.Mutex
	names map[string]map[uint16]Name // by type; that of 0 is for all types without one of their own
	asked map[string]int
}

// StartNameServer listens on an address.
func StartNameServer(address string) (*NameServer, error) {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("name server: %w", err)
	}
	n := &NameServer{conn: conn, done: make(chan struct{}), names: map[string]map[uint16]Name{}, asked: map[string]int{}}
	go n.serve()
	return n, nil
}

// Resolver asks this server only.
func (n *NameServer) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.conn.LocalAddr().String())
	}}
}

// Set sets the answer for a name. A name that was never set does not exist.
func (n *NameServer) Set(name string, reply Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name] = map[uint16]Name{0: reply}
}

// SetType sets the answer for one type of the records of a name that was set.
func (n *NameServer) SetType(name string, typ uint16, reply Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name][typ] = reply
}

// Asked is how many questions there were for a name.
func (n *NameServer) Asked(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[name]
}

// Names are those that there was a question for.
func (n *NameServer) Names() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.asked))
}

// Close returns when its goroutine has ended.
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
		if answer := n.answer(buf[:size]); answer != nil {
			n.conn.WriteTo(answer, from)
		}
	}
}

const headerSize = 12

// answer repeats the only question of a query and adds the records of its type.
func (n *NameServer) answer(query []byte) []byte {
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
		return append(append([]byte(nil), query[:2]...), "garbage"...)
	}
	a := append([]byte(nil), query[:end+4]...)
	a[2], a[3] = 0x84, byte(found.Code) // an authoritative answer
	clear(a[6:headerSize])
	for _, r := range found.Records {
		if r.Type == typ {
			a[7]++
			a = append(a, 0xc0, headerSize, byte(typ>>8), byte(typ), 0, 1, 0, 0, 0, 0) // the name of the question, IN, TTL 0
			a = binary.BigEndian.AppendUint16(a, uint16(len(r.Data)))
			a = append(a, r.Data...)
		}
	}
	return a
}

// find returns the answer for a type of a name's records. It counts the question.
func (n *NameServer) find(name string, typ uint16) Name {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[name]++
	of, known := n.names[name]
	if !known {
		return Name{Code: NoSuchName}
	}
	if one, ok := of[typ]; ok {
		return one
	}
	return of[0]
}

// question is the name that a query asks for, and where the name ends; past the query if it is none.
func question(query []byte) (string, int) {
	var labels []string
	for at := headerSize; at < len(query); {
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
