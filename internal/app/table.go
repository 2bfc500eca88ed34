package app

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// maxPadded limits the width of the first column, so that one very long name does
// not push every line beyond the terminal.
const maxPadded = 40

// columns define the table of collect. Cells have no spaces, so that awk can split
// them, and names of 14 bytes such as 127.0.0.1:9000 keep the table within 80
// columns. A dash stands for an unknown value.
var columns = []struct {
	title string
	left  bool // aligned left, as text is
	cell  func(v *fleet.View, val *fleet.Values, now time.Time) string
}{
	{"UPSTREAM", true, func(v *fleet.View, _ *fleet.Values, _ time.Time) string {
		return strings.Join(strings.Fields(v.Upstream.DisplayName()), "_")
	}},
	{"STATE", true, func(v *fleet.View, _ *fleet.Values, now time.Time) string { return string(v.State(now)) }},
	{"API", true, func(v *fleet.View, _ *fleet.Values, _ time.Time) string { return v.API.String() }},
	{"PEERS", false, number(betanet.TotalNodes, "")},
	{"ACTIVE", false, func(_ *fleet.View, val *fleet.Values, _ time.Time) string { return nodes(val) }},
	{"MSGS", false, number(betanet.PacketsProcessed, "")},
	{"DROPS", false, number(betanet.PacketsDropped, "")},
	{"SENT", false, number(betanet.BytesTransmitted, "B")},
	{"RECV", false, number(betanet.BytesReceived, "B")},
	{"LATENCY", false, func(_ *fleet.View, val *fleet.Values, _ time.Time) string {
		return latency(val.LatencySeconds())
	}},
}

// number returns the cell function of a field.
func number(f betanet.Field, unit string) func(*fleet.View, *fleet.Values, time.Time) string {
	return func(_ *fleet.View, val *fleet.Values, _ time.Time) string { return short(val.Uint(f), unit) }
}

// writeTable prints a line for each upstream, followed by an indented line for each
// reason of its failed endpoints.
func writeTable(w io.Writer, views []*fleet.View, now time.Time) error {
	rows := [][]string{nil}
	for _, c := range columns {
		rows[0] = append(rows[0], c.title)
	}
	for _, v := range views {
		val := v.Values(now)
		var row []string
		for _, c := range columns {
			row = append(row, c.cell(v, &val, now))
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(columns))
	for _, row := range rows {
		for i, cell := range row {
			if n := utf8.RuneCountInString(cell); i > 0 || n <= maxPadded {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for i, row := range rows {
		if _, err := fmt.Fprintln(w, aligned(row, widths)); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		for _, line := range failuresOf(views[i-1]) {
			if _, err := fmt.Fprintln(w, "  "+line.String()); err != nil {
				return err
			}
		}
	}
	return nil
}

func aligned(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		width := widths[i]
		if columns[i].left {
			width = -width
		}
		fmt.Fprintf(&b, "%*s  ", width, cell)
	}
	return strings.TrimRight(b.String(), " ")
}

// failureGroup describes the endpoints of an upstream that failed for one reason.
type failureGroup struct {
	endpoints []string
	reason    string // or interrupted
	text      string // the first endpoint's error, without the endpoint
}

// failuresOf returns one group for each reason, in the order of the endpoints.
func failuresOf(v *fleet.View) []failureGroup {
	var all []failureGroup
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		f := failureGroup{reason: "interrupted"}
		switch {
		case e.Failure != nil:
			f.reason = string(e.Failure.Reason)
			f.text = strings.TrimPrefix(quote(e.Failure.Error()), "fetch "+e.Endpoint.String()+": ")
		case e.Tried:
			continue
		}
		at := slices.IndexFunc(all, func(o failureGroup) bool { return o.reason == f.reason })
		if at < 0 {
			at, all = len(all), append(all, f)
		}
		all[at].endpoints = append(all[at].endpoints, e.Endpoint.String())
	}
	return all
}

// String returns the group as the table shows it.
func (f failureGroup) String() string {
	return strings.TrimSpace(strings.Join(f.endpoints, ",") + " " + f.reason + " " + f.text)
}

// nodes formats active and all mixnodes.
func nodes(val *fleet.Values) string {
	active, inactive := val.Uint(betanet.ActiveNodes), val.Uint(betanet.InactiveNodes)
	if active == nil || inactive == nil {
		return short(active, "")
	}
	return short(active, "") + "/" + short(new(*active+*inactive), "")
}

func latency(seconds *float64) string {
	switch {
	case seconds == nil:
		return "-"
	case *seconds < 1:
		return strconv.FormatFloat(*seconds*1000, 'f', 1, 64) + "ms"
	default:
		return strconv.FormatFloat(*seconds, 'f', 2, 64) + "s"
	}
}

// short formats a number with three digits: 999, 1.23k, 45.6M.
func short(n *uint64, unit string) string {
	if n == nil {
		return "-"
	}
	if *n < 1000 {
		return strconv.FormatUint(*n, 10) + unit
	}
	f, prefix := float64(*n), 0
	for f >= 999.5 {
		f /= 1000
		prefix++
	}
	digits := 2
	if f >= 99.95 {
		digits = 0
	} else if f >= 9.995 {
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + string(" kMGTPE"[prefix]) + unit
}
