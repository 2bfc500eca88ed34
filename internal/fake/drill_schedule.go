package fake

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// width is that of the narrowest terminal in use.
const width = 80

// WriteSchedule prints when each phase begins, how long it lasts, and what should
// be seen meanwhile, if the first begins now.
func WriteSchedule(w io.Writer, phases []Phase, speed float64, now time.Time) {
	for i := range phases {
		p := &phases[i]
		begins := now.Add(Length(phases[:i], speed)).Format(time.TimeOnly)
		fmt.Fprintf(w, "  %s %6s  %s\n", begins, Brief(faster(p.Lasts, speed)), p.Name)
		see(w, "page", p.Page)
		see(w, "series", p.Series...)
		see(w, "alerts", p.alerts())
	}
}

// alerts are those that fire, as a text.
func (p *Phase) alerts() string {
	if len(p.Alerts) == 0 {
		return "none"
	}
	return strings.Join(p.Alerts, ", ")
}

// see prints texts, each on lines of its own, behind what they are.
func see(w io.Writer, what string, texts ...string) {
	for _, t := range texts {
		line := fmt.Sprintf("      %-6s ", what)
		for _, word := range strings.Fields(t) {
			if len(line)+1+len(word) > width {
				fmt.Fprintln(w, line)
				line = fmt.Sprintf("%13s", "")
			}
			line += " " + word
		}
		fmt.Fprintln(w, line)
		what = ""
	}
}

// Brief is a duration as people write it: 8m and 1m30s, not 8m0s.
func Brief(d time.Duration) string {
	to := time.Millisecond
	if d >= time.Minute {
		to = time.Second
	}
	text := d.Round(to).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
