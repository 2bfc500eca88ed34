package status

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// query selects and sorts upstreams, for the status page and for its JSON.
type query struct {
	text       string           // part of the name or the URL, ignoring case
	states     []fleet.State    // empty for all
	reasons    []betanet.Reason // why an endpoint fails; empty for all upstreams
	sort       *sortKey
	descending bool
	limit      int // 0 means no limit
	offset     int
}

// Limits of a query.
const (
	maxText   = 200
	maxLimit  = 1000
	maxOffset = 1_000_000_000
)

// states are the states of upstreams, the most urgent first.
var states = [...]fleet.State{fleet.Down, fleet.Stale, fleet.Pending, fleet.Up}

var errQuery = errors.New("the query cannot be parsed, use name=value, joined by & and percent-encoded")

// parseQuery parses the parameters. It rejects an unknown parameter, because ignoring a
// misspelt filter would show upstreams that the client did not request.
func parseQuery(raw string) (query, error) {
	q := query{sort: &sortKeys[0]}
	parameters, err := url.ParseQuery(raw)
	if err != nil {
		return q, errQuery
	}
	for name, values := range parameters {
		set := setters[name]
		if set == nil {
			return q, fmt.Errorf("unknown parameter %s, use q, state, reason, sort, order, limit or offset", quote(name))
		}
		// The form sends empty fields as well.
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(values) > 1 && name != "state" && name != "reason" {
			return q, fmt.Errorf("parameter %s is given %d times, use it once", name, len(values))
		}
		for _, v := range values {
			if accepted := set(&q, v); accepted != "" {
				return q, fmt.Errorf("%s=%s is not accepted, use %s", name, quote(v), accepted)
			}
		}
	}
	return q, nil
}

// setters set a value of the query, or return a description of the accepted values.
var setters = map[string]func(q *query, value string) (accepted string){
	"q": func(q *query, v string) string {
		if len(v) > maxText {
			return fmt.Sprintf("a part of the name or the URL, of at most %d bytes", maxText)
		}
		q.text = v
		return ""
	},
	"state": func(q *query, v string) string { return choose(&q.states, v, states[:], "up, stale, down or pending") },
	"reason": func(q *query, v string) string {
		return choose(&q.reasons, v, betanet.Reasons(), "a reason as in betanet_exporter_attempts_total, such as connect or timeout")
	},
	"sort": func(q *query, v string) string {
		s := sortKeyNamed(v)
		if s == nil {
			return "problems, name, state, age, breaker, error or next"
		}
		q.sort = s
		return ""
	},
	"order": func(q *query, v string) string {
		if v != "asc" && v != "desc" {
			return "asc or desc"
		}
		q.descending = v == "desc"
		return ""
	},
	"limit":  func(q *query, v string) string { return setInt(&q.limit, v, 1, maxLimit) },
	"offset": func(q *query, v string) string { return setInt(&q.offset, v, 0, maxOffset) },
}

// choose adds a value to a set, or returns a description of the accepted values.
func choose[T ~string](set *[]T, v string, all []T, accepted string) string {
	if !slices.Contains(all, T(v)) {
		return accepted
	}
	if !slices.Contains(*set, T(v)) {
		*set = append(*set, T(v))
	}
	return ""
}

// setInt sets a number, or returns a description of the accepted values.
func setInt(to *int, v string, least, most int) (accepted string) {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return fmt.Sprintf("a whole number from %d to %d", least, most)
	}
	*to = n
	return ""
}

// quote quotes and shortens a client's text for an error message.
func quote(text string) string { return strconv.QuoteToASCII(cut(text, 40)) }

// filtered reports whether the query may exclude upstreams.
func (q *query) filtered() bool { return q.text != "" || len(q.states) > 0 || len(q.reasons) > 0 }

// unfiltered returns the first page of the query without its filter.
func (q query) unfiltered() query {
	q.text, q.states, q.reasons, q.offset = "", nil, nil, 0
	return q
}

// withOffset returns the query with another offset.
func (q query) withOffset(offset int) query {
	q.offset = offset
	return q
}

// encode returns the query string of a URL, including the question mark. It omits
// parameters that have their default values, and returns "" if all have.
func (q query) encode() string {
	var all []string
	add := func(name, value string, wanted bool) {
		if wanted {
			all = append(all, name+"="+url.QueryEscape(value))
		}
	}
	add("q", q.text, q.text != "")
	for _, s := range states {
		add("state", string(s), slices.Contains(q.states, s))
	}
	for _, r := range slices.Sorted(slices.Values(q.reasons)) {
		add("reason", string(r), true)
	}
	add("sort", q.sort.name, q.sort != &sortKeys[0])
	add("order", "desc", q.descending)
	add("limit", strconv.Itoa(q.limit), q.limit != pageSize)
	add("offset", strconv.Itoa(q.offset), q.offset > 0)
	if len(all) == 0 {
		return ""
	}
	return "?" + strings.Join(all, "&")
}

// link returns the link from the status page to itself with the query.
func (q query) link() string {
	if encoded := q.encode(); encoded != "" {
		return encoded
	}
	return "./"
}
