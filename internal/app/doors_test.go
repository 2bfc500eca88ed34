package app

import (
	"net"
	"testing"
)

func TestTheAddressToLookAtIsOneForABrowser(t *testing.T) {
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
		if got := lookAt("https", test.at); got != test.want {
			t.Errorf("lookAt(%v) = %q, want %q", test.at, got, test.want)
		}
	}
}
