package status

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestALinkAsksTheSameAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := queries.Draw(t, "query")
		v.Set("limit", fmt.Sprint(rapid.IntRange(1, maxLimit).Draw(t, "limit")))
		v.Set("offset", fmt.Sprint(rapid.IntRange(0, 999).Draw(t, "offset")))
		q := asked(t, v)
		_, raw, _ := strings.Cut(q.url(), "?")
		again := asked(t, func() url.Values { v, _ := url.ParseQuery(raw); return v }())
		if again.limit == 0 {
			again.limit = pageSize
		}
		slices.Sort(q.states)
		slices.Sort(again.states)
		if fmt.Sprint(q) != fmt.Sprint(again) {
			t.Fatalf("%s: got %+v, want %+v", q.url(), again, q)
		}
	})
}

func TestWhatIsNotAcceptedIsRefusedInOneLine(t *testing.T) {
	o := &Model{Registry: registry(many(3)...)}
	for raw, want := range map[string]string{
		"state=broken":                        `state="broken" is not accepted: it is up, stale, down or pending`,
		"sort=size":                           `sort="size" is not accepted: it is problems, name, state, age, breaker, error or next`,
		"reason=bad":                          `reason="bad" is not accepted: it is a reason as in betanet_exporter_attempts_total, such as connect or timeout`,
		"order=up":                            `order="up" is not accepted: it is asc or desc`,
		"limit=0":                             `limit="0" is not accepted: it is a whole number from 1 to 1000`,
		"limit=1001":                          `limit="1001" is not accepted: it is a whole number from 1 to 1000`,
		"offset=-1":                           `offset="-1" is not accepted: it is a whole number from 0 to 1000000000`,
		"offset=1e3":                          `offset="1e3" is not accepted: it is a whole number from 0 to 1000000000`,
		"sort=name&sort=age":                  `parameter sort is given 2 times, once is accepted`,
		"stat=up":                             `parameter "stat" is not known: q, state, reason, sort, order, limit and offset are`,
		"q=%zz":                               `the query cannot be read: parameters are name=value, joined by & and percent-encoded`,
		"state=a%0Ab%1b":                      `state="a\nb\x1b" is not accepted: it is up, stale, down or pending`,
		"q=" + strings.Repeat("x", maxText+1): `q="` + strings.Repeat("x", 40) + `…" is not accepted: it is a part of the name or the URL, of at most 200 bytes`,
	} {
		for _, path := range []string{"/", "/api/v1/status"} {
			r := get(t, o, path+"?"+raw)
			if got, want := body(t, r), "Bad request: "+want+".\n"; r.StatusCode != 400 || !strings.EqualFold(strings.ReplaceAll(got, `\u2026`, "…"), want) {
				t.Errorf("%s?%.40s: got %d %q, want 400 %q", path, raw, r.StatusCode, got, want)
			}
		}
	}
}

func TestAFormWithEmptyFieldsAsksForAll(t *testing.T) {
	s := status(t, &Model{Registry: registry(many(10)...)}, "/api/v1/status?q=&sort=&order=&limit=&offset=&state=")
	if len(s.Upstreams) != 10 {
		t.Errorf("got %d upstreams, want 10", len(s.Upstreams))
	}
}
