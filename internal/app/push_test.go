package app

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/otlp"
)

func TestPushesAreLoggedWhenTheyChange(t *testing.T) {
	var text bytes.Buffer
	p := &pushes{self: exposition.NewRegistry().Self, log: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelInfo}))}
	for _, push := range []otlp.Push{
		{Result: otlp.Success},
		{Result: otlp.Failure, Err: errors.New("no answer\nin time")},
		{Result: otlp.Failure, Err: errors.New("again")},
		{Result: otlp.Partial, Err: errors.New("some")},
		{Result: otlp.Success},
		{Result: otlp.Success},
	} {
		p.report(push)
	}
	var got []string
	for line := range strings.Lines(text.String()) {
		got = append(got, line)
	}
	want := []string{`level=WARN msg="Push by OTLP failed" result=failure err="no answer\\nin time"`, `level=WARN msg="Push by OTLP failed" result=partial err=some`, `level=INFO msg="Push by OTLP recovered" after=`}
	if len(got) != len(want) {
		t.Fatalf("got\n%s\nwant %d lines", strings.Join(got, ""), len(want))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("got %s, want %s", got[i], want[i])
		}
	}
}

func TestAnInstanceIsNamedByHostAndPort(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []net.Addr{&net.TCPAddr{Port: 9200}, &net.TCPAddr{IP: net.IPv6loopback, Port: 9200}} {
		if got, want := instance(address), host+":9200"; got != want {
			t.Errorf("%v: got %s, want %s", address, got, want)
		}
	}
}
