package status

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// shownMixnodes is the maximum number of mixnodes on the page of an upstream. The JSON
// has up to maxMixnodes.
const shownMixnodes = 100

// upstreamPage is the template data of the page of an upstream.
type upstreamPage struct {
	frame
	detailStatus
	Only          bool // it is the only upstream, and the page is the home page
	Hour          hourBar
	Charts        []chart
	Minutes       []minuteRow
	Shown         []shownValue
	Nodes         []mixnodeStatus // the mixnodes that are shown
	MoreNodes     int             // number of other mixnodes
	MixnodeCounts string          // active and total
	FewMixnodes   bool            // fewer than half are active
	Table         incidentTable
	Fleet         Verdict       // about all upstreams
	Exporter      exporterState // set only if Only is
	Interval      string
}

// shownValue is a value on the page, with its age if it is a last good value.
type shownValue struct {
	namedValue
	AgeSeconds *float64 // nil if the value is from the last collection
	Expired    bool
}

// UpstreamPage returns the page of an upstream, or ErrNoUpstream. root is the relative
// path from the page to the exporter's root.
func (m *Model) UpstreamPage(name, root string, now time.Time) ([]byte, error) {
	entries := m.entries(m.Registry.Views(), now)
	i := slices.IndexFunc(entries, func(e *entry) bool { return e.name == name })
	if i < 0 {
		return nil, ErrNoUpstream
	}
	one, all := newResult(entries[i:i+1], new(query), now), newResult(entries, new(query), now)
	p := m.newUpstreamPage(entries[i].view, m.newFrame(root, judge(&one.situation, now), now), now)
	p.Fleet = *m.summary(&all, now).Verdict
	return render("upstream.html", p), nil
}

// homePage returns the page of the only upstream, with the state of the exporter.
func (m *Model) homePage(v *fleet.View, s *Status, now time.Time) []byte {
	p := m.newUpstreamPage(v, m.newFrame("", *s.Verdict, now), now)
	p.Only, p.Exporter = true, m.newExporterState(s, now)
	return render("upstream.html", p)
}

func (m *Model) newUpstreamPage(v *fleet.View, f frame, now time.Time) *upstreamPage {
	hour := m.History.Hour(v, now)
	d := m.newDetail(newEntry(v, now), &hour, now)
	f.AsJSON = f.Root + "api/v1/status/" + upstreamPath(d.Name)
	p := &upstreamPage{
		frame: f, detailStatus: d, Interval: formatDuration(d.IntervalSeconds), Hour: newHourBar(&hour), Minutes: newMinutes(&hour),
		Charts: []chart{
			newChart("messages", "Messages", hour.Messages[:], d.Recent.MessagesPerSecond, perSecond),
			newChart("loss", "Loss", hour.Loss[:], d.Recent.Loss, percent),
			newChart("latency", "Latency", hour.Latency[:], d.Recent.LatencySeconds, latency),
		},
		Shown: shownValues(&d),
	}
	if total := d.Values.Messages; total != nil && *total == 0 {
		p.Charts[0].Recent = "no packets counted yet"
	}
	p.MixnodeCounts, p.FewMixnodes = mixnodesText(d.Values.Active, d.Values.Peers)
	p.Table = m.newIncidentTable(&p.frame, d.Incidents, d.Name, func(string) bool { return false }, now)
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
	p.MoreNodes = len(nodes) - len(p.Nodes)
	if d.Omitted != nil {
		p.MoreNodes += int(*d.Omitted)
	}
	return p
}

// shownValues returns the values, with the ages of last good values.
func shownValues(d *detailStatus) (all []shownValue) {
	for _, n := range d.Values.named(d.API) {
		v := shownValue{namedValue: n}
		for i := range d.Endpoints {
			if e := &d.Endpoints[i]; e.Endpoint == n.Endpoint && e.State != fleet.Up {
				v.AgeSeconds, v.Expired = e.AgeSeconds, e.State == fleet.Down && e.AgeSeconds != nil
			}
		}
		all = append(all, v)
	}
	return all
}

// certificate describes when a certificate expires.
type certificate struct {
	When string
	Soon bool // within two weeks, like the alert BetanetCertificateExpiring
}

// Certificate describes the upstream's certificate that expires first. It returns nil if
// there is none.
func (p upstreamPage) Certificate() *certificate {
	if p.Expiry == nil {
		return nil
	}
	left := p.Expiry.Sub(p.Now)
	if left < 0 {
		return &certificate{formatDuration((-left).Seconds()) + " ago", true}
	}
	return &certificate{"in " + formatDuration(left.Seconds()), left < 14*24*time.Hour}
}
