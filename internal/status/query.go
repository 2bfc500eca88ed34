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

// query is which upstreams are asked for, of the status page and of its JSON
// alike.
type query struct {
	text       string        // part of the name or the URL, in any case
	states     []fleet.State // empty for all, as the following
	reasons    []string      // for which an endpoint fails
	sort       *sorting
	descending bool
	limit      int // 0 for all
	offset     int
}

// Limits of a query.
const (
	maxText   = 200
	maxLimit  = 1000
	maxOffset = 1_000_000_000
)

// states are those of upstreams, what needs a person first.
var states = [...]fleet.State{fleet.Down, fleet.Stale, fleet.Pending, fleet.Up}

// errQuery is a query that cannot be read.
var errQuery = errors.New("the query cannot be read: parameters are name=value, joined by & and percent-encoded")

// parseQuery reads the parameters. A parameter that is not known is refused: a
// misspelt filter that is ignored would show upstreams that were not asked for.
func parseQuery(raw string) (query, error) {
	q := query{sort: &sortings[0]}
	parameters, err := url.ParseQuery(raw)
	if err != nil {
		return q, errQuery
	}
	for name, values := range parameters {
		set := setters[name]
		if set == nil {
			return q, fmt.Errorf("parameter %s is not known: q, state, reason, sort, order, limit and offset are", quoted(name))
		}
		// A form gives a field that was not filled in as an empty one.
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(values) > 1 && name != "state" && name != "reason" {
			return q, fmt.Errorf("parameter %s is given %d times, once is accepted", name, len(values))
		}
		for _, v := range values {
			if accepted := set(&q, v); accepted != "" {
				return q, fmt.Errorf("%s=%s is not accepted: it is %s", name, quoted(v), accepted)
			}
		}
	}
	return q, nil
}

// setters set a value, or return what is accepted.
var setters = map[string]func(q *query, value string) (accepted string){
	"q": func(q *query, v string) string {
		if len(v) > maxText {
			return fmt.Sprintf("a part of the name or the URL, of at most %d bytes", maxText)
		}
		q.text = v
		return ""
	},
	"state": func(q *query, v string) string {
		s := fleet.State(v)
		if !slices.Contains(states[:], s) {
			return "up, stale, down or pending"
		}
		if !slices.Contains(q.states, s) {
			q.states = append(q.states, s)
		}
		return ""
	},
	"reason": func(q *query, v string) string {
		if !slices.Contains(betanet.Reasons(), betanet.Reason(v)) {
			return "a reason as in betanet_exporter_attempts_total, such as connect or timeout"
		}
		if !slices.Contains(q.reasons, v) {
			q.reasons = append(q.reasons, v)
		}
		return ""
	},
	"sort": func(q *query, v string) string {
		i := slices.IndexFunc(sortings, func(s sorting) bool { return s.name == v })
		if i < 0 {
			return "problems, name, state, age, breaker, error or next"
		}
		q.sort = &sortings[i]
		return ""
	},
	"order": func(q *query, v string) string {
		if v != "asc" && v != "desc" {
			return "asc or desc"
		}
		q.descending = v == "desc"
		return ""
	},
	"limit":  func(q *query, v string) string { return integer(&q.limit, v, 1, maxLimit) },
	"offset": func(q *query, v string) string { return integer(&q.offset, v, 0, maxOffset) },
}

func integer(to *int, v string, from, limit int) (accepted string) {
	n, err := strconv.Atoi(v)
	if err != nil || n < from || n > limit {
		return fmt.Sprintf("a whole number from %d to %d", from, limit)
	}
	*to = n
	return ""
}

// quoted is what somebody sent, fit for a line of text.
func quoted(text string) string { return strconv.QuoteToASCII(cut(text, 40)) }

// filtered tells whether upstreams may be left out.
func (q *query) filtered() bool { return q.text != "" || len(q.states) > 0 || len(q.reasons) > 0 }

// url returns the query as a link from the status page to itself. What is the
// default is left out.
func (q query) url() string {
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
		add("reason", r, true)
	}
	add("sort", q.sort.name, q.sort != &sortings[0])
	add("order", "desc", q.descending)
	add("limit", strconv.Itoa(q.limit), q.limit != pageSize)
	add("offset", strconv.Itoa(q.offset), q.offset > 0)
	if len(all) == 0 {
		return "./"
	}
	return "?" + strings.Join(all, "&")
}
