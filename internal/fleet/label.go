package fleet

import (
	"slices"
	"strings"
)

// exporterLabels are the labels that the exporter sets itself. The label upstream
// is one as well; where a label may name an upstream, the caller decides.
var exporterLabels = []string{"replica", "mixnode", "endpoint", "le", "quantile", "reason", "state"}

// IsLabelName reports whether a text can be the name of a label.
func IsLabelName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && c != '_' && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return s != ""
}

// IsExporterLabel reports whether the exporter sets a label itself.
func IsExporterLabel(name string) bool { return slices.Contains(exporterLabels, name) }

// IsScraperLabel reports whether Prometheus sets a label on every series that it
// scrapes.
func IsScraperLabel(name string) bool { return name == "instance" || name == "job" }

// IsInternalLabel reports whether a label is of a kind that Prometheus drops.
func IsInternalLabel(name string) bool { return strings.HasPrefix(name, "__") }

// IsPathStep reports whether a name of an upstream would change the path
// /upstream/NAME: clients resolve these two before they ask.
func IsPathStep(name string) bool { return name == "." || name == ".." }
