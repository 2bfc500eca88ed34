package status

import (
	"testing"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

func TestEveryReasonHasAText(t *testing.T) {
	for _, r := range betanet.Reasons() {
		if reasonText(string(r)) == string(r) {
			t.Errorf("reason %s has no text", r)
		}
	}
	if len(reasons) != len(betanet.Reasons()) {
		t.Errorf("got texts for %d reasons, want %d", len(reasons), len(betanet.Reasons()))
	}
}

func TestTexts(t *testing.T) {
	type texts [][2]string // got, want
	bytes := func(x float64) string { return human(x, "B") }
	for name, cases := range map[string]texts{
		"a duration has at most two units": {
			{formatDuration(-1), "0 s"},
			{formatDuration(0), "0 s"},
			{formatDuration(0.4), "0 s"},
			{formatDuration(59.4), "59 s"},
			{formatDuration(59.6), "1 min"},
			{formatDuration(61), "1 min 1 s"},
			{formatDuration(3599), "59 min 59 s"},
			{formatDuration(3600), "1 h"},
			{formatDuration(3 * 3661), "3 h 3 min"},
			{formatDuration(47 * 3600), "47 h"},
			{formatDuration(48 * 3600), "2 d"},
			{formatDuration(50*3600 + 1800), "2 d 2 h"},
		},
		"a number has three digits and a prefix": {
			{bytes(0), "0 B"},
			{bytes(0.001), "<0.01 B"},
			{bytes(0.25), "0.25 B"},
			{bytes(9.996), "10.0 B"},
			{bytes(99.96), "100 B"},
			{bytes(999.4), "999 B"},
			{bytes(999.6), "1.00 kB"},
			{bytes(1234), "1.23 kB"},
			{bytes(98765), "98.8 kB"},
			{bytes(1e6), "1.00 MB"},
			{bytes(18446744073709551615), "18.4 EB"},
			{bytes(1e30), "1000000 YB"},
			{latency(0), "0 ms"},
			{latency(0.0123), "12.3 ms"},
			{latency(0.9994), "999 ms"},
			{latency(0.9996), "1.00 s"},
			{latency(12), "12.0 s"},
			{grouped(1234567), "1 234 567"},
		},
		"an open breaker shows when it lets a probe through": {
			{breakerText("closed", nil), "closed"},
			{breakerText("half_open", nil), "half-open, probing"},
			{breakerText("open", new(12.0)), "open, probe in 12 s"},
			{breakerText("open", new(0.0)), "open, probe due"},
			{breakerText("open", nil), "open, probe due"},
		},
		"invisible characters are made visible": {
			{plain("a b"), "a b"},
			{plain("日本"), "日本"},
			{plain("a\x00b\x1b"), `a\x00b\x1b`},
			{plain("\u202ea"), `\u202ea`},
			{plain("\n"), `\n`},
			{plain("'"), "'"},
			{plain("\u2028"), `\u2028`},
			{plain("a\xffb"), "a\ufffdb"},
		},
		"the detail of an error does not repeat its endpoint and reason": {
			{errorDetail("fetch nodes: no answer in time", "timeout", "nodes"), ""},
			{errorDetail("fetch nodes: HTTP status 500", "timeout", "nodes"), " HTTP status 500"},
			{errorDetail("fetch metrics: a\x1b", "timeout", "nodes"), ` fetch metrics: a\x1b`},
		},
	} {
		for i, c := range cases {
			if got := spaced(c[0]); got != c[1] {
				t.Errorf("%s, case %d: got %q, want %q", name, i, got, c[1])
			}
		}
	}
}
