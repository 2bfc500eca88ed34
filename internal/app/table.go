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
// not make every line wider than the terminal.
const maxPadded = 40

// header is the header of the table that collect prints. The first leftColumns
// columns are text and aligned left.
var header = []string{"UPSTREAM", "STATE", "API", "PEERS", "ACTIVE", "MSGS", "DROPS", "SENT", "RECV", "LATENCY"}

const leftColumns = 3

// cells returns the cells of an upstream. They contain no spaces, so that awk can
// split them. With names of up to 14 bytes, such as 127.0.0.1:9000, the table fits
// into 80 columns. An unknown value is a dash.
func cells(v *fleet.View, now time.Time) []string {
	val := v.Values(now)
	number := func(f betanet.Field, unit string) string { return formatNumber(val.Uint(f), unit) }
	return []string{
		strings.Join(strings.Fields(v.Upstream.DisplayName()), "_"), string(v.State(now)), v.API.String(),
		number(betanet.TotalNodes, ""), formatNodes(&val), number(betanet.PacketsProcessed, ""), number(betanet.PacketsDropped, ""),
		number(betanet.BytesTransmitted, "B"), number(betanet.BytesReceived, "B"), formatLatency(val.LatencySeconds()),
	}
}

// writeTable prints a line for each upstream, followed by an indented line for each
// reason of its failed endpoints.
func writeTable(w io.Writer, views []*fleet.View, now time.Time) error {
	rows := [][]string{header}
	for _, v := range views {
		rows = append(rows, cells(v, now))
	}
	widths := make([]int, len(header))
	for _, row := range rows {
		for i, cell := range row {
			if n := utf8.RuneCountInString(cell); i > 0 || n <= maxPadded {
				widths[i] = max(widths[i], n)
			}
		}
	}
	var b strings.Builder
	for i, row := range rows {
		b.WriteString(formatRow(row, widths) + "\n")
		if i > 0 {
			for _, f := range groupFailures(views[i-1]) {
				b.WriteString("  " + f.String() + "\n")
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func formatRow(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		width := widths[i]
		if i < leftColumns {
			width = -width
		}
		fmt.Fprintf(&b, "%*s  ", width, cell)
	}
	return strings.TrimRight(b.String(), " ")
}

// failureGroup describes the endpoints of an upstream that failed for one reason.
type failureGroup struct {
	endpoints []string
	reason    string // "interrupted" if an endpoint was not tried
	text      string // the first endpoint's error, without the endpoint
}

// groupFailures groups the failed endpoints of a view by reason, in the order of the
// endpoints.
func groupFailures(v *fleet.View) []failureGroup {
	var all []failureGroup
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		f := failureGroup{reason: "interrupted"}
		switch {
		case e.Failure != nil:
			f.reason = string(e.Failure.Reason)
			f.text = strings.TrimPrefix(escape(e.Failure.Error()), "fetch "+e.Endpoint.String()+": ")
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

// String formats the group as a line of the table.
func (f failureGroup) String() string {
	return strings.TrimSpace(strings.Join(f.endpoints, ",") + " " + f.reason + " " + f.text)
}

// formatNodes formats the number of active mixnodes and of all mixnodes: 3/7, or only
// the first if the second is unknown.
func formatNodes(val *fleet.Values) string {
	active, inactive := val.Uint(betanet.ActiveNodes), val.Uint(betanet.InactiveNodes)
	if active == nil || inactive == nil {
		return formatNumber(active, "")
	}
	return formatNumber(active, "") + "/" + formatNumber(new(*active+*inactive), "")
}

func formatLatency(seconds *float64) string {
	switch {
	case seconds == nil:
		return "-"
	case *seconds < 1:
		return strconv.FormatFloat(*seconds*1000, 'f', 1, 64) + "ms"
	default:
		return strconv.FormatFloat(*seconds, 'f', 2, 64) + "s"
	}
}

// formatNumber formats a number with three digits: 999, 1.23k, 45.6M.
func formatNumber(n *uint64, unit string) string {
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
