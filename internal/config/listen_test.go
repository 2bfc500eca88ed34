package config

import (
	"strings"
	"testing"
)

func TestOverlappingListenAddressesAreRejected(t *testing.T) {
	for _, c := range []struct{ addresses, health, want string }{
		{":1 :1", "", `--web.listen-address: ":1" is the same address as ":1", use each address once`},
		{":1 :http :80", "", `--web.listen-address: ":80" is the same address as ":http", use each address once`},
		{"LocalHost:1 127.0.0.1:1", "", `--web.listen-address: "127.0.0.1:1" is the same address as "LocalHost:1", use each address once`},
		{"A.example:1 a.example.:1", "", `--web.listen-address: "a.example.:1" is the same address as "A.example:1", use each address once`},
		{"[::1]:1 [0:0::1]:1", "", `--web.listen-address: "[0:0::1]:1" is the same address as "[::1]:1", use each address once`},
		{"[::ffff:127.0.0.1]:1 127.0.0.1:01", "", `--web.listen-address: "127.0.0.1:01" is the same address as "[::ffff:127.0.0.1]:1", use each address once`},
		{":1 [::]:1", "", `--web.listen-address: "[::]:1" is the same address as ":1", use each address once`},
		{"127.0.0.1:1 0.0.0.0:1", "", `--web.listen-address: "0.0.0.0:1" includes "127.0.0.1:1", use each address once`},
		{":1 127.0.0.1:1", "", `--web.listen-address: "127.0.0.1:1" is included in ":1", use each address once`},
		{":1 0.0.0.0:1", "", `--web.listen-address: "0.0.0.0:1" is included in ":1", use each address once`},
		{"0.0.0.0:1 :1", "", `--web.listen-address: ":1" includes "0.0.0.0:1", use each address once`},
		{":1", "127.0.0.1:1", `--web.health-address: "127.0.0.1:1" is included in ":1" of --web.listen-address, use each address once`},
		{"", ":9200", `--web.health-address: ":9200" is the same address as ":9200" of --web.listen-address, use each address once`},
		{":1 :2", ":3", ""},
		{":0 :0", ":0", ""},
		{"0.0.0.0:1 [::1]:1", "", ""},
		{"127.0.0.1:1 127.0.0.2:1 a.example:1 b.example:1", "", ""},
		{"vsock://:9200", "", `--web.listen-address: "vsock://:9200" is not a valid listen address: vsock is not supported, use host:port or :port`},
		{"unix:///run/x", "", `--web.listen-address: "unix:///run/x" is not a valid listen address: unix is not supported, use host:port or :port`},
	} {
		var args []string
		for _, a := range strings.Fields(c.addresses) {
			args = append(args, "--web.listen-address="+a)
		}
		if c.health != "" {
			args = append(args, "--web.health-address="+c.health)
		}
		_, err := load(args)
		checkError(t, strings.Join(args, " "), err, c.want)
	}
	_, err := load([]string{"--web.listen-address=:1", "--web.health-address=:1", "--web.systemd-socket"})
	checkError(t, "with systemd's socket", err, "")
}

func TestUnixSocketsAreReportedAsUnsupported(t *testing.T) {
	want := "unix sockets are not supported, use a URL such as http://localhost:9000"
	for _, text := range []string{"unix:///run/x.sock", "unix:/run/x.sock", "UNIX://@x", "http+unix://%2Frun%2Fx", "unix+http://x", "/run/x.sock"} {
		_, err := load([]string{"--betanet.url=" + text})
		checkError(t, text, err, "--betanet.url: "+want)
		_, err = loadFile(t, "upstreams: [{url: '"+text+"'}]")
		checkError(t, text, err, "c.yml: upstreams[0].url (line 1): "+want)
	}
}
