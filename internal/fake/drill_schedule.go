package fake

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxWidth is the width of a small terminal.
const maxWidth = 80

// WriteSchedule prints the start of each phase if the first one starts now, its duration, and what an operator should
// see.
func WriteSchedule(w io.Writer, phases []Phase, speed float64, now time.Time) {
	for i := range phases {
		p := &phases[i]
		begins := now.Add(Length(phases[:i], speed)).Format(time.TimeOnly)
		fmt.Fprintf(w, "  %s %6s  %s\n", begins, FormatDuration(scale(p.Duration, speed)), p.Name)
		writeWrapped(w, "page", p.Page)
		writeWrapped(w, "series", p.Series...)
		writeWrapped(w, "alerts", cmp.Or(strings.Join(p.Alerts, ", "), "none"))
	}
}

// writeWrapped prints texts after a label, each beginning on its own line.
func writeWrapped(w io.Writer, label string, texts ...string) {
	for _, t := range texts {
		line := fmt.Sprintf("      %-6s ", label)
		for _, word := range strings.Fields(t) {
			if len(line)+1+len(word) > maxWidth {
				fmt.Fprintln(w, line)
				line = fmt.Sprintf("%13s", "")
			}
			line += " " + word
		}
		fmt.Fprintln(w, line)
		label = ""
	}
}

// FormatDuration formats a duration without trailing zeros: 8m, not 8m0s. It rounds to seconds, and below a minute to
// milliseconds.
func FormatDuration(d time.Duration) string {
	unit := time.Millisecond
	if d >= time.Minute {
		unit = time.Second
	}
	text := d.Round(unit).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
