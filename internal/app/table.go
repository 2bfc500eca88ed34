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

// header has the columns of the table of collect. The first leftColumns are text and
// aligned left.
var header = []string{"UPSTREAM", "STATE", "API", "PEERS", "ACTIVE", "MSGS", "DROPS", "SENT", "RECV", "LATENCY"}

const leftColumns = 3

// cells returns the cells of an upstream. They have no spaces, so that awk can split
// them, and names of 14 bytes such as 127.0.0.1:9000 keep the table within 80 columns.
// A dash stands for an unknown value.
func cells(v *fleet.View, now time.Time) []string {
	val := v.Values(now)
	number := func(f betanet.Field, unit string) string { return short(val.Uint(f), unit) }
	return []string{
		strings.Join(strings.Fields(v.Upstream.DisplayName()), "_"), string(v.State(now)), v.API.String(),
		number(betanet.TotalNodes, ""), nodes(&val), number(betanet.PacketsProcessed, ""), number(betanet.PacketsDropped, ""),
		number(betanet.BytesTransmitted, "B"), number(betanet.BytesReceived, "B"), latency(val.LatencySeconds()),
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
		b.WriteString(aligned(row, widths) + "\n")
		if i > 0 {
			for _, f := range failuresOf(views[i-1]) {
				b.WriteString("  " + f.String() + "\n")
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func aligned(row []string, widths []int) string {
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
