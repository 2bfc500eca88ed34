package status

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestALinkEncodesItsQuery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := queries.Draw(t, "query")
		v.Set("limit", fmt.Sprint(rapid.IntRange(1, maxLimit).Draw(t, "limit")))
		v.Set("offset", fmt.Sprint(rapid.IntRange(0, 999).Draw(t, "offset")))
		q := parsed(t, v)
		_, raw, _ := strings.Cut(q.link(), "?")
		linked, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		again := parsed(t, linked)
		if again.limit == 0 {
			again.limit = pageSize
		}
		slices.Sort(q.states)
		slices.Sort(again.states)
		if fmt.Sprint(q) != fmt.Sprint(again) {
			t.Fatalf("%s: got %+v, want %+v", q.link(), again, q)
		}
	})
}

func TestAnInvalidQueryIsRejectedWithOneLine(t *testing.T) {
	m := modelOf(many(3)...)
	for raw, want := range map[string]string{
		"state=broken":                        `state="broken" is not accepted, use up, stale, down or pending`,
		"sort=size":                           `sort="size" is not accepted, use problems, name, state, age, breaker, error or next`,
		"reason=bad":                          `reason="bad" is not accepted, use a reason as in betanet_exporter_attempts_total, such as connect or timeout`,
		"order=up":                            `order="up" is not accepted, use asc or desc`,
		"limit=0":                             `limit="0" is not accepted, use a whole number from 1 to 1000`,
		"limit=1001":                          `limit="1001" is not accepted, use a whole number from 1 to 1000`,
		"offset=-1":                           `offset="-1" is not accepted, use a whole number from 0 to 1000000000`,
		"offset=1e3":                          `offset="1e3" is not accepted, use a whole number from 0 to 1000000000`,
		"sort=name&sort=age":                  `parameter sort is given 2 times, use it once`,
		"stat=up":                             `unknown parameter "stat", use q, state, reason, sort, order, limit or offset`,
		"q=%zz":                               `the query cannot be parsed, use name=value, joined by & and percent-encoded`,
		"state=a%0Ab%1b":                      `state="a\nb\x1b" is not accepted, use up, stale, down or pending`,
		"q=" + strings.Repeat("x", maxText+1): `q="` + strings.Repeat("x", 40) + `\u2026" is not accepted, use a part of the name or the URL, of at most 200 bytes`,
	} {
		_, pageErr := m.IndexPage(raw, noon)
		_, err := m.Status(raw, noon)
		if err == nil || err.Error() != want || pageErr == nil || pageErr.Error() != want {
			t.Errorf("%.40s: got %v for the JSON and %v for the page, want %s", raw, err, pageErr, want)
		}
	}
}
