package exposition

import (
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// lines writes samples in the text format. Nearly all are the same bytes in text
// 0.0.4 and OpenMetrics 1.0. The exception is the le of a whole number, which is "1.0"
// in OpenMetrics: floatOffsets has the positions where ".0" is inserted.
//
// The text has classic histograms. For formats with native histograms, histograms has
// the complete histograms, in the order of the text.
type lines struct {
	buf          []byte
	floatOffsets []uint32
	histograms   []renderedHistogram
	labelSuffix
	name   string // of the family being written
	family int    // its index in families
}

// renderedHistogram is a histogram of a family.
type renderedHistogram struct {
	family int
	value  *dto.Histogram
}

// labelSuffix has the labels at the end of every sample of an upstream: braced is used
// if the sample has no other labels, and appended otherwise.
type labelSuffix struct{ braced, appended string }

// newLabelSuffix renders the labels of an upstream. The labels upstream and replica are
// omitted if they are empty.
func newLabelSuffix(name string, custom []fleet.Label, replica string) labelSuffix {
	var labels []string
	for _, l := range custom {
		labels = append(labels, label(l.Name, l.Value))
	}
	if replica != "" {
		labels = append(labels, label("replica", replica))
	}
	if name != "" {
		labels = append(labels, label("upstream", name))
	}
	if len(labels) == 0 {
		return labelSuffix{}
	}
	l := strings.Join(labels, ",")
	return labelSuffix{"{" + l + "}", "," + l}
}

// labelSuffixes are the label suffixes of an upstream by scope.
type labelSuffixes [numScopes]labelSuffix

func newLabelSuffixes(name string, custom []fleet.Label, replica string) labelSuffixes {
	return labelSuffixes{perReplica: newLabelSuffix(name, custom, replica), perUpstream: newLabelSuffix(name, custom, "")}
}

// label renders one label, escaped for both text formats.
func label(name, value string) string { return name + `="` + escaper.Replace(value) + `"` }

var escaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// start writes a sample up to its value.
func (w *lines) start(suffix, labels string) {
	w.buf = append(w.buf, w.name...)
	w.buf = append(w.buf, suffix...)
	if labels == "" {
		w.buf = append(w.buf, w.braced...)
	} else {
		w.buf = append(w.buf, '{')
		w.buf = append(w.buf, labels...)
		w.buf = append(w.buf, w.appended...)
		w.buf = append(w.buf, '}')
	}
	w.buf = append(w.buf, ' ')
}

// uint writes a whole number in plain digits, even beyond 2^53.
func (w *lines) uint(labels string, v uint64) {
	w.start("", labels)
	w.buf = append(strconv.AppendUint(w.buf, v, 10), '\n')
}

func (w *lines) float(labels string, v float64) {
	w.start("", labels)
	w.buf = append(strconv.AppendFloat(w.buf, v, 'g', -1, 64), '\n')
}

func (w *lines) bool(labels string, v bool) {
	if v {
		w.uint(labels, 1)
	} else {
		w.uint(labels, 0)
	}
}

// unix writes a Unix time in seconds, to the millisecond.
func (w *lines) unix(labels string, t time.Time) { w.float(labels, float64(t.UnixMilli())/1000) }

// known writes a number, or nothing if it is unknown.
func (w *lines) known(labels string, v *uint64) {
	if v != nil {
		w.uint(labels, *v)
	}
}

func (w *lines) histogram(labels string, h *dto.Histogram) {
	w.histograms = append(w.histograms, renderedHistogram{w.family, h})
	for i, b := range h.Bucket {
		w.bucket(labels, bounds[i], b.GetCumulativeCount(), b.GetUpperBound() == float64(int64(b.GetUpperBound())))
	}
	w.bucket(labels, "+Inf", h.GetSampleCount(), false)
	w.sumAndCount(labels, h.GetSampleSum(), h.GetSampleCount())
}

// sumAndCount writes the sum and the count of a histogram or a summary.
func (w *lines) sumAndCount(labels string, sum float64, count uint64) {
	w.start("_sum", labels)
	w.buf = append(strconv.AppendFloat(w.buf, sum, 'g', -1, 64), '\n')
	w.start("_count", labels)
	w.buf = append(strconv.AppendUint(w.buf, count, 10), '\n')
}

// bounds are the values of le for fleet.Buckets.
var bounds = func() (b [len(fleet.Buckets)]string) {
	for i, bound := range fleet.Buckets {
		b[i] = strconv.FormatFloat(bound, 'g', -1, 64)
	}
	return b
}()

// bucket writes one bucket. whole means that le is a whole number.
func (w *lines) bucket(labels, le string, count uint64, whole bool) {
	w.buf = append(w.buf, w.name...)
	w.buf = append(w.buf, "_bucket{"...)
	if labels != "" {
		w.buf = append(w.buf, labels...)
		w.buf = append(w.buf, w.appended...)
		w.buf = append(w.buf, ',')
	} else if w.appended != "" {
		w.buf = append(w.buf, w.appended[1:]...)
		w.buf = append(w.buf, ',')
	}
	w.buf = append(w.buf, `le="`...)
	w.buf = append(w.buf, le...)
	if whole {
		w.floatOffsets = append(w.floatOffsets, uint32(len(w.buf)))
	}
	w.buf = append(w.buf, `"} `...)
	w.buf = append(strconv.AppendUint(w.buf, count, 10), '\n')
}
