package discovery

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// builder builds a List from the values of a document. It checks each value as it is
// added, so that an invalid document costs no more than a valid one.
type builder struct {
	List          // targets of the groups that have ended
	groups  int   // number of groups that have begun
	targets int   // number of targets in all groups, valid or not
	group   group // the current one
}

// group is a list of addresses with common labels.
type group struct {
	keys       []string // keys seen so far
	addresses  []value
	labelNames []string // of all labels, including dropped ones
	labels     []fleet.Label
	scheme     string
	upstream   value // the label upstream; its text is "" if there is none
	stripped   bool  // a label instance or job was dropped
	invalid    error // why the labels are not valid
}

// value is a value of a document.
type value struct {
	typeName string
	text     string // content of a string
	line     int
}

// Types of values, as messages name them.
const (
	aString  = "a string"
	aNumber  = "a number"
	aBoolean = "a boolean"
	aList    = "a list"
	aMap     = "a map"
	null     = "null"
)

// documentError is an error at a position in a document. It does not quote values that may
// be secret.
type documentError struct {
	path string // such as [2].labels.zone; "" for the document
	line int    // 0 if unknown
	text string
}

func (e *documentError) Error() string {
	switch {
	case e.line == 0:
		return e.text
	case e.path == "":
		return fmt.Sprintf("line %d: %s", e.line, e.text)
	}
	return fmt.Sprintf("%s (line %d): %s", e.path, e.line, e.text)
}

// errorf returns an error at a path in the current group.
func (b *builder) errorf(path string, v value, format string, args ...any) error {
	return &documentError{fmt.Sprintf("[%d]%s", b.groups-1, path), v.line, fmt.Sprintf(format, args...)}
}

// wrongType returns an error for a value that is not of the type want.
func (b *builder) wrongType(path string, v value, want string) error {
	return b.errorf(path, v, "is %s, want %s", v.typeName, want)
}

// checkList returns an error unless the document is a list.
func checkList(v value) error {
	if v.typeName != aList {
		return &documentError{"", v.line, "the document is " + v.typeName + ", want a list of groups, [] for none"}
	}
	return nil
}

// beginGroup begins a group, which must be a map.
func (b *builder) beginGroup(v value) error {
	b.groups++
	b.group = group{scheme: "http"}
	if b.groups > maxTargets {
		return b.errorf("", v, "at most %d groups are accepted", maxTargets)
	}
	if v.typeName != aMap {
		return b.wrongType("", v, "a map with targets and labels")
	}
	return nil
}

// addKey adds a key of the group.
func (b *builder) addKey(k value) error {
	if k.text != "targets" && k.text != "labels" {
		return b.errorf(pathStep(k.text), k, "unknown key, want targets or labels")
	}
	if slices.Contains(b.group.keys, k.text) {
		return b.errorf(pathStep(k.text), k, "duplicate key")
	}
	b.group.keys = append(b.group.keys, k.text)
	return nil
}

// checkType returns an error unless v is null or has the type that the key requires.
func (b *builder) checkType(k, v value) error {
	want := aMap
	if k.text == "targets" {
		want = aList
	}
	if v.typeName != want && v.typeName != null { // Go programs write an empty list as null
		return b.wrongType(pathStep(k.text), v, want)
	}
	return nil
}

// addTarget adds a target to the group. endGroup checks its text.
func (b *builder) addTarget(v value) error {
	path := fmt.Sprintf(".targets[%d]", len(b.group.addresses))
	if v.typeName != aString {
		return b.wrongType(path, v, "host:port")
	}
	if b.targets++; b.targets > maxTargets {
		return b.errorf(path, v, "at most %d targets are accepted", maxTargets)
	}
	b.group.addresses = append(b.group.addresses, v)
	return nil
}

// addLabel adds a label to the group.
func (b *builder) addLabel(k, v value) error {
	g, path := &b.group, ".labels"+pathStep(k.text)
	switch {
	case len(g.labelNames) == maxLabels:
		return b.errorf(path, k, "at most %d labels are accepted", maxLabels)
	case slices.Contains(g.labelNames, k.text):
		return b.errorf(path, k, "duplicate label")
	case v.typeName != aString:
		return b.wrongType(path, v, aString)
	}
	g.labelNames = append(g.labelNames, k.text)
	if err := b.useLabel(path, k, v); err != nil && g.invalid == nil {
		g.invalid = err
	}
	return nil
}

// useLabel applies a label to the group. After an error the group's labels are not
// valid, and its targets are rejected.
func (b *builder) useLabel(path string, k, v value) error {
	g := &b.group
	switch {
	case !fleet.IsLabelName(k.text):
		return b.errorf(path, k, "is not a valid label name, want letters, digits and _, not beginning with a digit")
	case len(v.text) > maxLabelValue || !utf8.ValidString(v.text):
		return b.errorf(path, v, "want at most %d bytes of UTF-8", maxLabelValue)
	case k.text == "upstream":
		if v.text == "" || len(v.text) > maxName {
			return b.errorf(path, v, "want 1 to %d bytes", maxName)
		}
		if fleet.IsDotSegment(v.text) {
			return b.errorf(path, v, "%q is not a valid name, because it would change the path of a URL", v.text)
		}
		g.upstream = v
	case k.text == "__scheme__":
		if v.text != "http" && v.text != "https" {
			return b.errorf(path, v, "want http or https")
		}
		g.scheme = v.text
	case fleet.IsExporterLabel(k.text):
		return b.errorf(path, k, "is a label of the exporter itself, want another name")
	case fleet.IsScraperLabel(k.text):
		g.stripped = g.stripped || v.text != ""
	case v.text != "" && !fleet.IsInternalLabel(k.text): // an empty label is absent
		g.labels = append(g.labels, fleet.Label{Name: k.text, Value: v.text})
	}
	return nil
}

// endGroup adds the valid targets of the group to the list and rejects the others.
func (b *builder) endGroup() {
	g := &b.group
	if n := len(g.addresses); g.upstream.text != "" && n > 1 && g.invalid == nil {
		g.invalid = b.errorf(".labels.upstream", g.upstream, "names %d targets, want one: the name of an upstream must be unique", n)
	}
	slices.SortFunc(g.labels, func(a, b fleet.Label) int { return strings.Compare(a.Name, b.Name) })
	for i, a := range g.addresses {
		if err := checkAddress(a.text); err != nil {
			b.reject(a, b.errorf(fmt.Sprintf(".targets[%d]", i), a, "%v", err))
			continue
		}
		if g.invalid != nil {
			b.reject(a, g.invalid)
			continue
		}
		t := Target{Name: g.upstream.text, URL: &url.URL{Scheme: g.scheme, Host: a.text}, Labels: g.labels}
		if t.Name == "" {
			t.Name = fleet.HostPort(t.URL)
		}
		if g.stripped {
			b.Stripped = append(b.Stripped, t.Name)
		}
		b.Targets = append(b.Targets, t)
	}
}

// reject records an invalid target. The message omits its text if that may contain a
// secret: userinfo, or the query of a URL.
func (b *builder) reject(target value, why error) {
	text := why.Error()
	if !strings.ContainsAny(target.text, "@?#") {
		text = fmt.Sprintf("%.100q: %s", target.text, text)
	}
	b.Rejected = append(b.Rejected, text)
}

// pathStep returns a key as a step of a path, quoted if it is not a label name.
func pathStep(key string) string {
	if fleet.IsLabelName(key) && len(key) <= 60 {
		return "." + key
	}
	return fmt.Sprintf("[%.60q]", key)
}
