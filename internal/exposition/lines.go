package exposition

import (
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// lines are samples in the text format, of which nearly all are the same bytes
// in text 0.0.4 and OpenMetrics 1.0. Where they are not – OpenMetrics wants the
// le of a whole number as "1.0" – dots has the places to put in ".0".
//
// The text has histograms in classic buckets. Their whole is kept in histograms,
// in the order of the text, for formats with native ones.
type lines struct {
	buf        []byte
	floatOffsets       []uint32
	histograms []renderedHistogram
	labelSuffix
	name   string // of the family being written
	family int    // its place in families
}

// renderedHistogram is a histogram of a family.
type renderedHistogram struct {
	family int
	value  *dto.Histogram
}

// labelSuffix is the labels that all samples of an upstream end with: with braces
// where they are alone, and behind others with a comma before them.
type labelSuffix struct{ braced, appended string }

// newLabelSuffix joins labels that are there already as name="value".
func newLabelSuffix(labels []string) labelSuffix {
	if len(labels) == 0 {
		return labelSuffix{}
	}
	l := strings.Join(labels, ",")
	return labelSuffix{"{" + l + "}", "," + l}
}

// label makes one label, escaped as both formats want it.
func label(name, value string) string { return name + `="` + escaper.Replace(value) + `"` }

var escaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// start writes the name and labels of a sample.
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

// uint writes a whole number in plain digits, also beyond 2^53.
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

func (w *lines) seconds(labels string, d time.Duration) { w.float(labels, d.Seconds()) }

func (w *lines) unix(labels string, t time.Time) { w.float(labels, float64(t.UnixMilli())/1000) }

// known writes a number that may be unknown, and then is absent.
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

// bounds are fleet.Buckets as text.
var bounds = func() (b [len(fleet.Buckets)]string) {
	for i, bound := range fleet.Buckets {
		b[i] = strconv.FormatFloat(bound, 'g', -1, 64)
	}
	return b
}()

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
