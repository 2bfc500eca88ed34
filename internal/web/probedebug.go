package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/status"
)

// debugProbe serves the log and the samples of a probe as text for people. It shows the
// texts of failures, but no headers or credentials.
func debugProbe(w http.ResponseWriter, r *http.Request, o Options, target string, limit time.Duration) {
	began := time.Now()
	v, late, log, err := o.Probe.Debug(r.Context(), target, limit)
	if err != nil {
		writeText(w, probeStatus(err), err.Error()+"\n")
		return
	}
	o.Status.Probed(v, late, time.Now())
	var text bytes.Buffer
	fmt.Fprintf(&text, "Log of the probe of %s, which took %s:\n\n", v.Upstream.DisplayName(), time.Since(began).Round(time.Millisecond))
	for _, a := range log {
		text.WriteString(attemptLine(a))
	}
	if len(log) == 0 {
		text.WriteString("No request was made: the values are from the cache, a breaker is open, or a Retry-After applies.\n")
	}
	for i := range v.Endpoints {
		text.WriteString(endpointLine(&v.Endpoints[i], time.Now()))
	}
	if late {
		text.WriteString("The collection did not end within the time limit.\n")
	}
	text.WriteString("\nSamples:\n\n")
	if err := exposition.WriteProbe(&text, exposition.Text, v, late); err != nil {
		panic(err) // writing to a buffer cannot fail
	}
	writeText(w, http.StatusOK, text.String())
}

// attemptLine describes one attempt: when it ended, its result and whether a retry
// follows.
func attemptLine(a probe.Attempt) string {
	line := fmt.Sprintf("%s  %-8s  attempt %d", a.Ended.UTC().Format("15:04:05.000"), a.Endpoint, a.Number)
	if a.Replica != "" {
		line += " at " + a.Replica
	}
	took := a.Took.Round(100 * time.Microsecond)
	if a.Failure == nil {
		return line + fmt.Sprintf("  succeeded after %s\n", took)
	}
	text := strings.TrimPrefix(a.Failure.Error(), "fetch "+a.Endpoint.String()+": ")
	line += fmt.Sprintf("  failed after %s (%s): %s", took, a.Failure.Reason, onOneLine(text))
	switch {
	case a.Retry:
		line += fmt.Sprintf("; retrying in %s", a.Wait.Round(time.Millisecond))
	case a.NoBudget:
		line += "; not retrying: the retry budget is empty"
	}
	return line + "\n"
}

// maxErrorText limits the text of an error, in bytes.
const maxErrorText = 400

// onOneLine escapes unprintable characters and truncates a long text between runes.
func onOneLine(text string) string {
	quoted := strconv.QuoteToGraphic(status.Truncate(text, maxErrorText, "..."))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// endpointLine describes an endpoint after the probe.
func endpointLine(e *fleet.EndpointView, now time.Time) string {
	line := fmt.Sprintf("%s  %-8s  breaker %s", now.UTC().Format("15:04:05.000"), e.Endpoint, e.Breaker)
	if !e.OpenUntil.IsZero() {
		line += " until " + e.OpenUntil.UTC().Format("15:04:05")
	}
	if e.NotBefore.After(now) {
		line += ", Retry-After until " + e.NotBefore.UTC().Format("15:04:05")
	}
	if e.Doc != nil {
		line += fmt.Sprintf(", last document %s ago", now.Sub(e.At).Round(time.Millisecond))
	}
	return line + "\n"
}
