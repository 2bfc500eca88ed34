package discovery

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Of the DNS protocol, RFC 1035: types of records and codes of answers.
const (
	typeA, typeAAAA, typeSRV                    = 1, 28, 33
	success, serverFailure, noSuchName, refused = 0, 2, 3, 5
)

// zone is a name server on 127.0.0.1 with one name, over UDP.
type zone struct {
	mu      sync.Mutex
	records map[uint16][][]byte // by type
	code    map[uint16]byte     // of the answer to a type, 0 for success
	silent  bool
	asked   []string      // names
	news    chan struct{} // has something when there was a question
}

func (z *zone) set(typ uint16, code byte, records ...[]byte) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[typ], z.code[typ] = records, code
}

func (z *zone) fallSilent() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.silent = true
}

// names are those that were asked for.
func (z *zone) names() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.asked)
}

func (z *zone) awaitQuestion(t *testing.T) {
	t.Helper()
	select {
	case <-z.news:
	case <-time.After(10 * time.Second):
		t.Fatal("got no question, want one")
	}
}

func address(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// service is an SRV record; its target is written as labels without compression.
func service(priority, port uint16, target string) []byte {
	b := binary.BigEndian.AppendUint16(nil, priority)
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint16(b, port)
	for label := range strings.SplitSeq(strings.TrimSuffix(target, "."), ".") {
		if label != "" {
			b = append(append(b, byte(len(label))), label...)
		}
	}
	return append(b, 0)
}

// newZone starts the name server and gives a resolver that asks it alone.
func newZone(t *testing.T) (*zone, *net.Resolver) {
	z := &zone{records: map[uint16][][]byte{}, code: map[uint16]byte{}, news: make(chan struct{}, 1)}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() { defer close(done); z.serve(conn) }()
	t.Cleanup(func() { conn.Close(); <-done })
	return z, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z *zone) serve(conn net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := z.answer(buf[:n]); answer != nil {
			conn.WriteTo(answer, from)
		}
	}
}

// answer repeats the only question and adds the records of its type.
func (z *zone) answer(query []byte) []byte {
	z.mu.Lock()
	defer z.mu.Unlock()
	end, name := 12, ""
	for query[end] != 0 {
		n := int(query[end])
		name += string(query[end+1:end+1+n]) + "."
		end += 1 + n
	}
	typ := binary.BigEndian.Uint16(query[end+1:])
	z.asked = append(z.asked, name)
	select {
	case z.news <- struct{}{}:
	default:
	}
	if z.silent {
		return nil
	}
	a := append([]byte(nil), query[:end+5]...)
	records := z.records[typ]
	a[2], a[3] = 0x84, z.code[typ] // an authoritative answer
	binary.BigEndian.PutUint16(a[6:], uint16(len(records)))
	clear(a[8:12])
	for _, r := range records {
		a = append(a, 0xc0, 12) // the name of the question
		a = binary.BigEndian.AppendUint16(a, typ)
		a = append(a, 0, 1, 0, 0, 0, 60) // class IN, TTL
		a = binary.BigEndian.AppendUint16(a, uint16(len(r)))
		a = append(a, r...)
	}
	return a
}
