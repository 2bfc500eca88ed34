package status

import (
	"slices"
	"time"
)

// shownMixnodes is how many mixnodes the page of an upstream shows. Its JSON
// gives all that are shown one by one anywhere.
const shownMixnodes = 100

// upstreamPage is what the template of the page of an upstream gets.
type upstreamPage struct {
	detailStatus
	JSON     string // the same for programs
	Nodes    []mixnodeStatus
	More     int // mixnodes beyond them
	Events   []eventRow
	Interval string
}

// UpstreamPage returns the page of the upstream of a name; ok is false if there is
// none.
func (m *Model) UpstreamPage(name string, now time.Time) (page []byte, ok bool) {
	d, ok := m.Upstream(name, now)
	if !ok {
		return nil, false
	}
	p := upstreamPage{
		detailStatus: d, JSON: "/api/v1/status" + upstreamPath(d.Name), Interval: formatDuration(d.IntervalSeconds),
		Events: newEventRows(d.Events, nil, d.Time),
	}
	// Those that are not active are what a person looks for.
	nodes := slices.Clone(d.Mixnodes)
	slices.SortStableFunc(nodes, func(a, b mixnodeStatus) int {
		switch {
		case a.Active == b.Active:
			return 0
		case a.Active:
			return 1
		default:
			return -1
		}
	})
	p.Nodes = nodes[:min(len(nodes), shownMixnodes)]
	p.More = len(nodes) - len(p.Nodes)
	if d.Omitted != nil {
		p.More += int(*d.Omitted)
	}
	return render("upstream.html", p), true
}

// One tells the events' template that they are all of one upstream.
func (upstreamPage) One() bool { return true }

// certificate is how long the upstream's first certificate is valid.
type certificate struct {
	When string
	Soon bool // less than the two weeks of BetanetCertificateExpiring
}

// Certificate describes the upstream's first certificate to expire, nil if it sent
// none.
func (p upstreamPage) Certificate() *certificate {
	if p.Expiry == nil {
		return nil
	}
	left := p.Expiry.Sub(p.Time)
	if left < 0 {
		return &certificate{formatDuration((-left).Seconds()) + " ago", true}
	}
	return &certificate{"in " + formatDuration(left.Seconds()), left < 14*24*time.Hour}
}

// Rate is how many messages the upstream processes now.
func (p upstreamPage) Rate() string {
	if m := p.Values.Messages; m != nil && *m == 0 {
		return "no packet counted yet"
	}
	return optional(p.rates.MessagesPerSecond, perSecond)
}

// Loss is the share of packets that are dropped now.
func (p upstreamPage) Loss() string { return optional(p.rates.Loss, percent) }

// PacketLatency is the mean latency of the packets of now. For API mixnodes that
// is not the average of the document, which is over all packets since deployment.
func (p upstreamPage) PacketLatency() string { return seconds(p.rates.LatencySeconds) }

func optional(x *float64, show func(float64) string) string {
	if x == nil {
		return unknown
	}
	return show(*x)
}

// Wait is how long a breaker stays open.
func (p upstreamPage) Wait(at *time.Time) *float64 {
	if at == nil {
		return nil
	}
	return until(*at, p.Time)
}
