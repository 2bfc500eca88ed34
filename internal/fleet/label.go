package fleet

import (
	"slices"
	"strings"
)

// exporterLabels are the labels reserved for the exporter, except upstream, which some
// callers allow.
var exporterLabels = []string{"replica", "mixnode", "endpoint", "le", "quantile", "reason", "state"}

// IsLabelName reports whether s is a valid label name.
func IsLabelName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && c != '_' && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return s != ""
}

// IsExporterLabel reports whether the label is reserved for the exporter.
func IsExporterLabel(name string) bool { return slices.Contains(exporterLabels, name) }

// IsScraperLabel reports whether Prometheus sets the label on every series that it
// scrapes.
func IsScraperLabel(name string) bool { return name == "instance" || name == "job" }

// IsInternalLabel reports whether Prometheus reserves the label and drops it.
func IsInternalLabel(name string) bool { return strings.HasPrefix(name, "__") }

// IsDotSegment reports whether an upstream with this name could not be reached as
// /upstream/NAME, because clients remove dot segments before they send a request
// (RFC 3986).
func IsDotSegment(name string) bool { return name == "." || name == ".." }
