package fake

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
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

// A Name is what the name server says about one name: its addresses, or why there are none.
type Name struct {
	Code      int
	Addresses []netip.Addr
}

// NameServer is a DNS server that tells the truth for as long as it is asked to. It answers over UDP.
type NameServer struct {
	conn net.PacketConn
	done chan struct{}

	mu    sync.Mutex
	names map[string]Name
	asked map[string]int
}

// StartNameServer listens on an address.
func StartNameServer(address string) (*NameServer, error) {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("name server: %w", err)
	}
	n := &NameServer{conn: conn, done: make(chan struct{}), names: map[string]Name{}, asked: map[string]int{}}
	go n.serve()
	return n, nil
}

// Set makes it say this about a name. A name that was never set does not exist.
func (n *NameServer) Set(name string, says Name) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name] = says
}

// Asked is how many questions there were for a name.
func (n *NameServer) Asked(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[name]
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

const (
	headerSize = 12
	typeA      = 1
	typeAAAA   = 28
)

// answer repeats the only question of a query and adds the addresses of its type.
func (n *NameServer) answer(query []byte) []byte {
	name, end := question(query)
	if end+4 > len(query) {
		return nil
	}
	n.mu.Lock()
	says, known := n.names[name]
	n.asked[name]++
	n.mu.Unlock()
	switch {
	case says.Code == Silence:
		return nil
	case says.Code == Garbage:
		return append(append([]byte(nil), query[:2]...), "garbage"...)
	case !known:
		says.Code = NoSuchName
	}
	a := append([]byte(nil), query[:end+4]...)
	a[2], a[3] = 0x84, byte(says.Code) // an authoritative answer
	clear(a[6:headerSize])
	typ := binary.BigEndian.Uint16(query[end:])
	for _, address := range says.Addresses {
		if address.Is4() && typ == typeA || address.Is6() && typ == typeAAAA {
			a[7]++
			a = append(a, 0xc0, headerSize, byte(typ>>8), byte(typ), 0, 1, 0, 0, 0, 0) // the name of the question, IN, TTL 0
			a = binary.BigEndian.AppendUint16(a, uint16(address.BitLen()/8))
			a = append(a, address.AsSlice()...)
		}
	}
	return a
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
