package blackbox

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// field is one field of one document.
type field struct {
	path     string
	name     string
	good     string // its value in the healthy document
	kind     kind
	optional bool
}

type kind int

const (
	unsigned kind = iota
	latencyMS
	text
)

// fields lists every field of every document of both APIs.
var fields = []field{
	{path: fake.Metrics, name: "packets_processed", good: "5000"},
	{path: fake.Metrics, name: "packets_dropped", good: "10"},
	{path: fake.Nodes, name: "active_nodes", good: "5"},
	{path: fake.Nodes, name: "inactive_nodes", good: "2"},
	{path: fake.Nodes, name: "total_nodes", good: "7"},
	{path: fake.Network, name: "bytes_transmitted", good: "1000000"},
	{path: fake.Network, name: "bytes_received", good: "500000"},
	{path: fake.Network, name: "avg_latency_ms", good: "45.0", kind: latencyMS},
	{path: fake.Network, name: "peak_throughput", good: "10000"},
	{path: fake.Mixnodes, name: "id", good: `"mixnode-b"`, kind: text},
	{path: fake.Mixnodes, name: "status", good: `"active"`, kind: text},
	{path: fake.Mixnodes, name: "packets_processed", good: "20"},
	{path: fake.Mixnodes, name: "packets_forwarded", good: "18", optional: true},
	{path: fake.Mixnodes, name: "packets_dropped", good: "2", optional: true},
	{path: fake.Mixnodes, name: "uptime_seconds", good: "200", optional: true},
	{path: fake.Mixnodes, name: "avg_latency_ms", good: "20.0", kind: latencyMS, optional: true},
}

// defect is a faulty field: the member that replaces it in the object.
type defect struct {
	name, reason string
	member       string
}

func (f field) defects() []defect {
	key := fmt.Sprintf("%q:", f.name)
	member := f.member()
	all := []defect{
		{"a boolean", "schema", key + "true"},
		{"an array", "schema", key + "[" + f.good + "]"},
		{"an object", "schema", key + `{"value":` + f.good + "}"},
		{"duplicate", "schema", member + "," + member},
		{"duplicate with another value", "schema", member + "," + key + "null"},
		{"without a value", "json_syntax", key},
		{"without quotes", "json_syntax", f.name + ":" + f.good},
	}
	if f.kind != latencyMS { // a latency may be null
		all = append(all, defect{"null", "schema", key + "null"})
	}
	if !f.optional {
		all = append(all, defect{"missing", "schema", `"missing":0`}, defect{"in upper case", "schema", strings.ToUpper(member)})
	}
	if f.kind == text {
		all = append(all, defect{"a number", "schema", key + "7"}, defect{"bad UTF-8", "json_syntax", key + "\"\xff\""})
		if f.name == "id" {
			all = append(all, defect{"empty", "schema", key + `""`}, defect{"too long", "schema", key + `"` + strings.Repeat("x", 129) + `"`},
				defect{"duplicate of another node", "schema", key + `"mixnode-a"`})
		}
		return all
	}
	all = append(all,
		defect{"a string", "schema", key + `"` + f.good + `"`},
		defect{"negative", "value", key + "-7"},
		defect{"out of range", "value", key + "1e999"},
		defect{"not a number", "json_syntax", key + "NaN"},
		defect{"with a leading zero", "json_syntax", key + "007"})
	if f.kind == unsigned {
		all = append(all,
			defect{"a fraction", "value", key + "1.5"},
			defect{"with an exponent", "value", key + "1e2"},
			defect{"one too many", "value", key + "18446744073709551616"},
			defect{"negative zero", "value", key + "-0"})
	}
	return all
}

func (f field) member() string { return fmt.Sprintf("%q:%s", f.name, f.good) }

// healthyDocument returns the document of the field without a defect.
func (f field) healthyDocument() string {
	if f.path == fake.Mixnodes {
		return fake.MixnodesDocument
	}
	return fake.Document(f.path, documentBefore)
}

// defective returns a document in which member replaces the field. Other numbers differ from the healthy document, so
// that a value from it would be noticed. In the mixnodes document, the field of the second node is replaced.
func (f field) defective(t *testing.T, member string) string {
	t.Helper()
	before, object := "", ""
	if f.path == fake.Mixnodes {
		object = strings.Replace(fake.MixnodesDocument, `"packets_processed":10,`, `"packets_processed":1010,`, 1)
		i := strings.Index(object, `{"id":"mixnode-b"`)
		before, object = object[:i], object[i:]
	} else {
		object = fake.Document(f.path, documentFaulty)
	}
	at := regexp.MustCompile(fmt.Sprintf("%q:[^,}]+", f.name)).FindStringIndex(object)
	if at == nil || !strings.Contains(f.healthyDocument(), f.member()) {
		t.Fatalf("%s has no %s", f.healthyDocument(), f.member())
	}
	return before + object[:at[0]] + member + object[at[1]:]
}

func TestAMissingOptionalFieldHasNoSeries(t *testing.T) {
	server := startMixnodes(t)
	document := fake.MixnodesDocument
	for _, f := range fields {
		if f.optional {
			document = strings.ReplaceAll(document, `"`+f.name+`"`, `"not_`+f.name+`"`)
		}
	}
	server.Set(fake.Mixnodes, fake.ThenClose(fake.JSON(document)))
	p := collector(t, server)
	p.await(t, "", func(e exposition) error {
		all := []error{
			e.is("betanet_up", 1),
			e.is("betanet_messages_total", 60),
			e.isAbsent("betanet_packets_dropped_total"),
			e.isAbsent("betanet_average_latency_seconds"),
			e.isAbsent("betanet_message_latency_seconds_count"),
		}
		for _, name := range []string{"packets_forwarded_total", "packets_dropped_total", "average_latency_seconds"} {
			all = append(all, e.isAbsent(series("betanet_mixnode_"+name, "mixnode", "mixnode-a")))
		}
		return errors.Join(all...)
	})
}
