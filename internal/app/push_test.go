package app

import (
	"errors"
	"net"
	"net/url"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/otlp"
)

// reportPushes reports pushes, 15 s apart, to a new pusher with a log.
func reportPushes(t *testing.T, list []otlp.Push) (*pusher, *logBuffer) {
	t.Helper()
	b := new(logBuffer)
	p := &pusher{metrics: exposition.NewRegistry().Exporter, endpoint: "http://receiver/v1/metrics", log: b.logger()}
	synctest.Test(t, func(t *testing.T) {
		for _, push := range list {
			p.report(push)
			time.Sleep(15 * time.Second)
		}
	})
	return p, b
}

func failed(text string) otlp.Push { return otlp.Push{Result: otlp.Failure, Err: errors.New(text)} }

var succeeded = otlp.Push{Result: otlp.Success}

func TestPushResultsAreLoggedWhenTheyChange(t *testing.T) {
	for name, c := range map[string]struct {
		pushes []otlp.Push
		want   []string
	}{
		"only successes": {[]otlp.Push{succeeded, succeeded}, nil},
		"one reason": {
			[]otlp.Push{succeeded, failed("no answer\nin time"), failed("no answer\nin time"), failed("no answer\nin time"), succeeded, succeeded},
			[]string{`level=WARN msg="OTLP push failed" result=failure err="no answer\\nin time" changes=1`, `level=INFO msg="OTLP push recovered" after=45s changes=1`},
		},
		"different reasons within a minute": {
			[]otlp.Push{failed("401"), failed("404"), failed("413"), failed("413"), failed("413"), failed("413"), succeeded},
			[]string{`level=WARN msg="OTLP push failed" result=failure err=401 changes=1`, `level=WARN msg="OTLP push failed" result=failure err=413 changes=2`, `level=INFO msg="OTLP push recovered" after=1m30s changes=1`},
		},
		"a different result": {
			[]otlp.Push{failed("a"), failed("a"), failed("a"), failed("a"), {Result: otlp.Partial, Err: errors.New("some")}},
			[]string{`level=WARN msg="OTLP push failed" result=failure err=a changes=1`, `level=WARN msg="OTLP push failed" result=partial err=some changes=1`},
		},
		"recovered at once": {
			[]otlp.Push{failed("401"), failed("404"), succeeded},
			[]string{`level=WARN msg="OTLP push failed" result=failure err=401 changes=1`, `level=INFO msg="OTLP push recovered" after=30s changes=2`},
		},
		"failures that come and go": {
			[]otlp.Push{failed("a"), succeeded, failed("a"), succeeded, failed("b"), succeeded, failed("b"), succeeded, succeeded, succeeded},
			[]string{
				`level=WARN msg="OTLP push failed" result=failure err=a changes=1`, `level=INFO msg="OTLP push recovered" after=15s changes=1`,
				`level=WARN msg="OTLP push failed" result=failure err=b changes=3`, `level=INFO msg="OTLP push recovered" after=15s changes=1`,
				`level=INFO msg="OTLP push recovered" after=15s changes=2`,
			},
		},
		"the receiver sends Retry-After": {
			[]otlp.Push{{Result: otlp.Failure, Err: errors.New("503"), RetryAfter: 119999 * time.Millisecond}},
			[]string{`level=WARN msg="OTLP push failed" result=failure err=503 retry_after=2m0s changes=1`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, b := reportPushes(t, c.pushes)
			b.want(t, c.want...)
		})
	}
}

func TestPushStateDescribesTheLastPush(t *testing.T) {
	for _, c := range []struct {
		pushes []otlp.Push
		err    string
		ever   bool
	}{
		{nil, "", false},
		{[]otlp.Push{failed("401"), failed("404")}, "404", false},
		{[]otlp.Push{succeeded, {Result: otlp.Partial, Err: errors.New("some")}}, "some", true},
		{[]otlp.Push{failed("401"), succeeded}, "", true},
	} {
		p, _ := reportPushes(t, c.pushes)
		if got := p.State(); got.Error != c.err || got.LastSuccess.IsZero() == c.ever || got.Endpoint != "http://receiver/v1/metrics" {
			t.Errorf("%v: got %+v, want error %q and a last success: %v", c.pushes, got, c.err, c.ever)
		}
	}
}

func TestPushEndpointIsShownWithoutSecrets(t *testing.T) {
	u, err := url.Parse("https://user:canary@receiver:4318/v1/metrics?api_key=canary")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := withoutSecrets(u), "https://receiver:4318/v1/metrics"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInstanceIsHostAndPort(t *testing.T) {
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
