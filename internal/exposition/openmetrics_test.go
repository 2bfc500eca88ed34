package exposition

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// readOpenMetrics strictly parses the part of OpenMetrics 1.0 that the exporter uses.
// Prometheus' own parser is part of its server, which would add hundreds of modules for
// one test; in test/ promtool parses the output.
func readOpenMetrics(text string) (map[string]parsedFamily, error) {
	body, ok := strings.CutSuffix(text, "\n# EOF\n")
	if !ok {
		return nil, errors.New("no # EOF at the end")
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("not UTF-8")
	}
	all := make(map[string]parsedFamily)
	seen := make(map[string]bool) // series, to find duplicates
	family := ""                  // the family being read
	sampled := false
	for n, line := range strings.Split(body, "\n") {
		fail := func(what string) error { return fmt.Errorf("line %d, %q: %s", n+1, line, what) }
		if rest, ok := strings.CutPrefix(line, "# "); ok {
			keyword, rest, _ := strings.Cut(rest, " ")
			name, rest, ok := strings.Cut(rest, " ")
			if !ok || !isName(name, true) {
				return nil, fail("no family name")
			}
			if name != family || sampled {
				if _, duplicate := all[name]; duplicate {
					return nil, fail("duplicate family")
				}
				family, sampled = name, false
				all[name] = parsedFamily{}
			}
			f := all[name]
			if err := f.setMetadata(keyword, rest); err != nil {
				return nil, fail(err.Error())
			}
			all[name] = f
			continue
		}
		name, labels, value, err := parseSample(line)
		if err != nil {
			return nil, fail(err.Error())
		}
		f := all[family]
		if err := checkSample(f.Kind, family, name, labels, value); err != nil {
			return nil, fail(err.Error())
		}
		text := sampleText(name, slices.Clone(labels), value)
		series := text[:strings.LastIndexByte(text, ' ')]
		if seen[series] {
			return nil, fail("duplicate series")
		}
		seen[series], sampled = true, true
		// Use the same form as the text format: 1 instead of 1.0.
		for i := range labels {
			if labels[i][0] == "le" {
				le, _ := strconv.ParseFloat(labels[i][1], 64)
				labels[i][1] = strconv.FormatFloat(le, 'g', -1, 64)
			}
		}
		f.Samples = append(f.Samples, sampleText(name, labels, value))
		all[family] = f
	}
	for name, f := range all {
		if f.Kind == "" || len(f.Samples) == 0 {
			return nil, fmt.Errorf("family %q has type %q and %d samples", name, f.Kind, len(f.Samples))
		}
		slices.Sort(f.Samples)
		all[name] = f
	}
	return all, nil
}

// setMetadata sets the help or the type of a family.
func (f *parsedFamily) setMetadata(keyword, text string) error {
	switch keyword {
	case "HELP":
		help, end, err := unescape(text, false)
		if err != nil || end != len(text) || f.Help != "" {
			return errors.New("invalid or duplicate help")
		}
		f.Help = help
	case "TYPE":
		if !slices.Contains([]string{"counter", "gauge", "histogram", "summary"}, text) || f.Kind != "" {
			return errors.New("invalid or duplicate type")
		}
		f.Kind = text
	default:
		return errors.New("unknown comment")
	}
	return nil
}

// checkSample checks a sample against the type of its family.
func checkSample(kind, family, name string, labels [][2]string, v float64) error {
	suffix, ok := strings.CutPrefix(name, family)
	if !ok || family == "" {
		return errors.New("sample of another family")
	}
	le := ""
	for _, l := range labels {
		if l[0] == "le" {
			le = l[1]
		}
	}
	switch {
	case kind == "gauge" && suffix == "", kind == "histogram" && suffix == "_sum":
		return nil
	case kind == "summary" && suffix == "_sum":
		if v < 0 || math.IsNaN(v) {
			return errors.New("sum is negative or NaN")
		}
		return nil
	case kind == "counter" && suffix == "_total", kind == "histogram" && suffix == "_count", kind == "summary" && suffix == "_count":
		if v < 0 || math.IsNaN(v) {
			return errors.New("counter is negative or NaN")
		}
		return nil
	case kind == "histogram" && suffix == "_bucket":
		bound, err := strconv.ParseFloat(le, 64)
		canonical := le == "+Inf" || err == nil && strings.ContainsAny(le, ".e") && le == strings.TrimSpace(le) &&
			strings.TrimSuffix(le, ".0") == strconv.FormatFloat(bound, 'g', -1, 64)
		if !canonical || v != math.Trunc(v) {
			return fmt.Errorf("invalid bucket: le %q", le)
		}
		return nil
	}
	return fmt.Errorf("invalid suffix %q for a %s", suffix, kind)
}

// parseSample parses name{label="value",…} number.
func parseSample(line string) (name string, labels [][2]string, v float64, err error) {
	i := strings.IndexAny(line, "{ ")
	if i < 0 || !isName(line[:i], true) {
		return "", nil, 0, errors.New("no name")
	}
	name, line = line[:i], line[i:]
	if line[0] == '{' {
		for line != "}" && line[0] != ' ' {
			line = line[1:]
			key, rest, ok := strings.Cut(line, `="`)
			if !ok || !isName(key, false) || slices.ContainsFunc(labels, func(l [2]string) bool { return l[0] == key }) {
				return "", nil, 0, errors.New("invalid or duplicate label")
			}
			value, end, err := unescape(rest, true)
			if err != nil {
				return "", nil, 0, err
			}
			labels = append(labels, [2]string{key, value})
			line = rest[end:]
			switch {
			case strings.HasPrefix(line, ","):
			case strings.HasPrefix(line, "} "):
				line = line[1:]
			default:
				return "", nil, 0, errors.New("unterminated labels")
			}
		}
	}
	number := strings.TrimPrefix(line, " ")
	v, err = strconv.ParseFloat(number, 64)
	if err != nil || strings.ContainsAny(number, "xX_ pP") {
		return "", nil, 0, errors.New("invalid number")
	}
	return name, labels, v, nil
}

// unescape parses an escaped string up to its closing quote, or up to its end.
func unescape(s string, quoted bool) (text string, end int, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && quoted:
			return b.String(), i + 1, nil
		case c == '"':
			return "", 0, errors.New("unescaped quote")
		case c != '\\':
			b.WriteByte(c)
		case i+1 < len(s) && strings.IndexByte(`n\"`, s[i+1]) >= 0:
			i++
			b.WriteByte(map[byte]byte{'n': '\n', '\\': '\\', '"': '"'}[s[i]])
		default:
			return "", 0, errors.New("unknown escape")
		}
	}
	if quoted {
		return "", 0, errors.New("unterminated string")
	}
	return b.String(), len(s), nil
}

func isName(s string, metric bool) bool {
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || metric && c == ':'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func TestOpenMetricsParserRejectsInvalidText(t *testing.T) {
	const head = "# HELP a A.\n# TYPE a gauge\n"
	for name, text := range map[string]string{
		"no # EOF":                   head + "a 1\n",
		"no newline before # EOF":    head + "a 1# EOF\n",
		"a counter without _total":   "# TYPE a counter\na 1\n# EOF\n",
		"_total in the family":       "# TYPE a_total counter\na_total 1\n# EOF\n",
		"a negative counter":         "# TYPE a counter\na_total -1\n# EOF\n",
		"a duplicate series":         head + "a{b=\"1\"} 1\na{b=\"1\"} 2\n# EOF\n",
		"a duplicate label":          head + "a{b=\"1\",b=\"2\"} 1\n# EOF\n",
		"a duplicate family":         head + "a 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{c=\"\"} 1\n# EOF\n",
		"a sample of another family": head + "b 1\n# EOF\n",
		"a family without samples":   head + "# EOF\n",
		"an unknown escape":          head + "a{b=\"\\t\"} 1\n# EOF\n",
		"a raw quote":                head + "a{b=\"x\"y\"} 1\n# EOF\n",
		"a quote in the help":        "# HELP a \"A\".\n# TYPE a gauge\na 1\n# EOF\n",
		"le of a whole number":       "# TYPE a histogram\na_bucket{le=\"1\"} 1\n# EOF\n",
		"a fractional bucket":        "# TYPE a histogram\na_bucket{le=\"1.0\"} 0.5\n# EOF\n",
		"a hexadecimal number":       head + "a 0x1p3\n# EOF\n",
		"a timestamp":                head + "a 1 2\n# EOF\n",
		"an empty line":              head + "a 1\n\n# EOF\n",
		"invalid UTF-8":              head + "a{b=\"\xff\"} 1\n# EOF\n",
	} {
		if got, err := readOpenMetrics(text); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func TestOpenMetricsParserAcceptsValidText(t *testing.T) {
	got, err := readOpenMetrics("# HELP a A \\\"\\\\\\n.\n# TYPE a counter\na_total{x=\"\\\"},{\\\\ #\\n\",b=\"\"} 1.5e+06\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 2\nh_count 3\n# EOF\n")
	want := map[string]parsedFamily{
		"a": {"counter", "A \"\\\n.", []string{`a_total b="" x="\"},{\\ #\n" 1.5e+06`}},
		"h": {"histogram", "", []string{`h_bucket le="1" 2`, "h_count 3"}},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}
