package betanet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var allEndpoints = []Endpoint{Metrics, Nodes, Network, Mixnodes}

// knownField describes a field of a document, independently of the table in the code.
type knownField struct {
	endpoint Endpoint
	name     string
	kind     string // uint, float or string
	unit     string
	sample   string
	optional bool
}

var knownFields = []knownField{
	{Metrics, "packets_processed", "uint", "packets", "11", false},
	{Metrics, "packets_dropped", "uint", "packets", "12", false},
	{Nodes, "active_nodes", "uint", "nodes", "21", false},
	{Nodes, "inactive_nodes", "uint", "nodes", "22", false},
	{Nodes, "total_nodes", "uint", "nodes", "43", false},
	{Network, "bytes_transmitted", "uint", "bytes", "31", false},
	{Network, "bytes_received", "uint", "bytes", "32", false},
	{Network, "avg_latency_ms", "float", "milliseconds", "33.5", false},
	{Network, "peak_throughput", "uint", "", "34", false},
	{Mixnodes, "id", "string", "", `"mixnode-1"`, false},
	{Mixnodes, "status", "string", "", `"active"`, false},
	{Mixnodes, "packets_processed", "uint", "packets", "41", false},
	{Mixnodes, "packets_forwarded", "uint", "packets", "42", true},
	{Mixnodes, "packets_dropped", "uint", "packets", "43", true},
	{Mixnodes, "uptime_seconds", "uint", "seconds", "44", true},
	{Mixnodes, "avg_latency_ms", "float", "milliseconds", "45.5", true},
}

func TestTheTableHasAllFields(t *testing.T) {
	if len(fields) != len(knownFields) {
		t.Fatalf("got %d fields, want %d", len(fields), len(knownFields))
	}
	for i, want := range knownFields {
		r := fields[i]
		got := knownField{r.endpoint, r.key, []string{"uint", "float", "string"}[r.jsonType], r.unit, want.sample, !r.required}
		if got != want {
			t.Errorf("field %d: got %v, want %v", i, got, want)
		}
		if r.jsonType != text && (numbers[r.field].jsonType != r.jsonType || numbers[r.field].unit != r.unit) {
			t.Errorf("%v: another field for the same number has kind %v and unit %q", want, numbers[r.field].jsonType, numbers[r.field].unit)
		}
	}
}

// absent is a value that makes document omit a field.
const absent = ""

// document returns a valid document with changed, absent or additional fields.
func document(e Endpoint, changed map[string]string) string {
	var members []string
	done := make(map[string]bool)
	for _, f := range knownFields {
		if f.endpoint != e {
			continue
		}
		value, ok := changed[f.name]
		if !ok {
			value = f.sample
		}
		done[f.name] = true
		if value != absent {
			members = append(members, fmt.Sprintf("%q:%s", f.name, value))
		}
	}
	for name, value := range changed {
		if !done[name] {
			members = append(members, fmt.Sprintf("%q:%s", name, value))
		}
	}
	slices.SortFunc(members, cmp.Compare[string]) // for reproducible tests
	object := "{" + strings.Join(members, ",") + "}"
	if e == Mixnodes {
		return "[" + object + "]"
	}
	return object
}

// with returns a valid document with one field changed.
func with(e Endpoint, name, value string) string { return document(e, map[string]string{name: value}) }

// reasonOf returns the reason of an error from Decode, or "" for nil.
func reasonOf(err error) Reason {
	var r refusal
	if errors.As(err, &r) {
		return r.reason
	}
	if err != nil {
		return "not a refusal: " + Reason(err.Error())
	}
	return ""
}

// wantRefused decodes a document that must be refused.
func wantRefused(t *testing.T, e Endpoint, body string, want Reason) {
	t.Helper()
	doc, err := Decode(e, []byte(body))
	if got := reasonOf(err); got != want || doc != nil {
		t.Errorf("Decode(%v, %.200q): got %v, %q (%v), want no document, %q", e, body, doc, got, err, want)
	}
}

// wantAccepted decodes a document that must be accepted.
func wantAccepted(t *testing.T, e Endpoint, body string) *Document {
	t.Helper()
	doc, err := Decode(e, []byte(body))
	if err != nil || doc == nil {
		t.Fatalf("Decode(%v, %.200q): got %v, %v, want a document", e, body, doc, err)
	}
	if got := doc.Endpoint; got != e {
		t.Errorf("Endpoint: got %v, want %v", got, e)
	}
	return doc
}
