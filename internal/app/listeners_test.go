package app

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/config"
)

func TestListenerURLsWorkInABrowser(t *testing.T) {
	for _, test := range []struct {
		at   net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv6unspecified, Port: 9200}, "https://localhost:9200"},
		{&net.TCPAddr{IP: net.IPv4zero, Port: 9200}, "https://localhost:9200"},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}, "https://10.0.0.1:80"},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 9200}, "https://[::1]:9200"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 9200, Zone: "eth0"}, "https://[fe80::1%25eth0]:9200"},
		{&net.UnixAddr{Net: "unix", Name: "/run/exporter.sock"}, ""},
	} {
		if got := browserURL("https", test.at); got != test.want {
			t.Errorf("browserURL(%v) = %q, want %q", test.at, got, test.want)
		}
	}
}

func TestFailedStartupClosesItsListeners(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/nowhere")
	t.Setenv("WATCHDOG_USEC", "soon") // an error after the sockets are open
	c, err := config.Load([]string{"--web.listen-address=127.0.0.1:0"}, nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	address := ""
	listening := func(url string) { address = strings.TrimPrefix(url, "http://") }
	if err := serve(t.Context(), Network{Listen: net.Listen}, settings{c, c.Upstreams()}, nil, nil, slog.New(slog.DiscardHandler), listening); err == nil || !strings.Contains(err.Error(), "WATCHDOG_USEC") {
		t.Fatalf("got %v, want an error that names WATCHDOG_USEC", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("%s is still in use: %v", address, err)
	}
	l.Close()
}
