package discovery

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// listing is what a document lists, checked while it is read, so that a bad
// document costs no more than a good one.
type listing struct {
	List          // of the groups that ended
	groups  int   // that began
	targets int   // of all groups, valid or not
	group   group // the one being read
}

// group is some addresses and what they have in common.
type group struct {
	keys      []string // that were there
	addresses []value
	names     []string // of all labels that were there
	labels    []fleet.Label
	scheme    string
	upstream  value // text "" for none
	stripped  bool  // a label of the scraper was dropped
	invalid   error // why the labels are not valid
}

// value is something of a document and the line where it stands.
type value struct {
	kind string
	text string // of a string
	line int
}

// Kinds of values, as the messages name them.
const (
	aString  = "a string"
	aNumber  = "a number"
	aBoolean = "a boolean"
	aList    = "a list"
	aMap     = "a map"
	null     = "null"
)

// fault is one mistake. It names places, and no values but those of targets
// without userinfo: others may be secret.
type fault struct {
	place string // such as [2].labels.zone, "" for the document
	line  int    // 0 where it is not known
	what  string
}

func (f *fault) Error() string {
	switch {
	case f.line == 0:
		return f.what
	case f.place == "":
		return fmt.Sprintf("line %d: %s", f.line, f.what)
	}
	return fmt.Sprintf("%s (line %d): %s", f.place, f.line, f.what)
}

// fault is a mistake in the group being read; the place is that within it.
func (l *listing) fault(place string, v value, format string, args ...any) error {
	return &fault{fmt.Sprintf("[%d]%s", l.groups-1, place), v.line, fmt.Sprintf(format, args...)}
}

// wrong is a value of another kind than is accepted at a place of the group.
func (l *listing) wrong(place string, v value, want string) error {
	return l.fault(place, v, "is %s, want %s", v.kind, want)
}

// wrongList is a document that is no list.
func wrongList(v value) error {
	return &fault{"", v.line, "the document is " + v.kind + ", want a list of groups, [] for none"}
}

// begin starts a group, which must be a map.
func (l *listing) begin(v value) error {
	l.groups++
	l.group = group{scheme: "http"}
	if l.groups > maxTargets {
		return l.fault("", v, "at most %d groups are accepted", maxTargets)
	}
	if v.kind != aMap {
		return l.wrong("", v, "a map with targets and labels")
	}
	return nil
}

// key meets a key of the group.
func (l *listing) key(k value) error {
	if k.text != "targets" && k.text != "labels" {
		return l.fault(step(k.text), k, "unknown key, want targets or labels")
	}
	if slices.Contains(l.group.keys, k.text) {
		return l.fault(step(k.text), k, "is given twice")
	}
	l.group.keys = append(l.group.keys, k.text)
	return nil
}

// address meets a target of the group.
func (l *listing) address(v value) error {
	place := fmt.Sprintf(".targets[%d]", len(l.group.addresses))
	if v.kind != aString {
		return l.wrong(place, v, "host:port")
	}
	if l.targets++; l.targets > maxTargets {
		return l.fault(place, v, "at most %d targets are accepted", maxTargets)
	}
	l.group.addresses = append(l.group.addresses, v)
	return nil
}

// label meets a label of the group.
func (l *listing) label(k, v value) error {
	g, place := &l.group, ".labels"+step(k.text)
	switch {
	case len(g.names) == maxLabels:
		return l.fault(place, k, "at most %d labels are accepted", maxLabels)
	case slices.Contains(g.names, k.text):
		return l.fault(place, k, "is given twice")
	case v.kind != aString:
		return l.wrong(place, v, aString)
	}
	g.names = append(g.names, k.text)
	if err := l.take(place, k, v); err != nil && g.invalid == nil {
		g.invalid = err
	}
	return nil
}

// take takes a label of the group. An error means that the group's labels are not
// valid, and that its targets are left out.
func (l *listing) take(place string, k, v value) error {
	g := &l.group
	switch {
	case !fleet.IsLabelName(k.text):
		return l.fault(place, k, "is not a valid label name, want letters, digits and _, not beginning with a digit")
	case !isLabelValue(v.text):
		return l.fault(place, v, "want at most %d bytes of UTF-8", maxLabelValue)
	case k.text == "upstream":
		if v.text == "" || len(v.text) > maxName {
			return l.fault(place, v, "the name of an upstream has 1 to %d bytes", maxName)
		}
		if fleet.IsPathStep(v.text) {
			return l.fault(place, v, "%q is not a name of an upstream: it is a step in the path of its page, want another name", v.text)
		}
		g.upstream = v
	case k.text == "__scheme__":
		if v.text != "http" && v.text != "https" {
			return l.fault(place, v, "want http or https")
		}
		g.scheme = v.text
	case fleet.IsExporterLabel(k.text):
		return l.fault(place, k, "is a label of the exporter itself, want another name")
	case fleet.IsScraperLabel(k.text):
		g.stripped = g.stripped || v.text != ""
	case v.text != "" && !fleet.IsInternalLabel(k.text): // an empty label is none
		g.labels = append(g.labels, fleet.Label{Name: k.text, Value: v.text})
	}
	return nil
}

// end makes targets of the group, and leaves out those that are not valid.
func (l *listing) end() {
	g := &l.group
	if n := len(g.addresses); g.upstream.text != "" && n > 1 && g.invalid == nil {
		g.invalid = l.fault(".labels.upstream", g.upstream, "names %d targets, want one: no two upstreams have the same name", n)
	}
	slices.SortFunc(g.labels, func(a, b fleet.Label) int { return strings.Compare(a.Name, b.Name) })
	for i, a := range g.addresses {
		if err := checkAddress(a.text); err != nil {
			l.reject(a, l.fault(fmt.Sprintf(".targets[%d]", i), a, "%v", err))
			continue
		}
		if g.invalid != nil {
			l.reject(a, g.invalid)
			continue
		}
		t := Target{Name: strings.ToLower(a.text), URL: &url.URL{Scheme: g.scheme, Host: a.text}, Labels: g.labels}
		if g.upstream.text != "" {
			t.Name = g.upstream.text
		}
		if g.stripped {
			l.Stripped = append(l.Stripped, t.Name)
		}
		l.Targets = append(l.Targets, t)
	}
}

// reject leaves a target out. It is named unless it holds what may be a secret:
// userinfo, or the query of a URL.
func (l *listing) reject(target value, why error) {
	text := why.Error()
	if !strings.ContainsAny(target.text, "@?#") {
		text = fmt.Sprintf("%.100q: %s", target.text, text)
	}
	l.Rejected = append(l.Rejected, text)
}

// step is how a key is written in a place. Only keys of strange form are quoted.
func step(key string) string {
	if fleet.IsLabelName(key) && len(key) <= 60 {
		return "." + key
	}
	return fmt.Sprintf("[%.60q]", key)
}
