package betanet

import (
	"math"
	"math/bits"
)

// Field is a number in the documents of either API.
type Field uint8

// The counters come first, so that they can be array indices.
const (
	PacketsProcessed Field = iota
	PacketsDropped
	PacketsForwarded
	BytesTransmitted
	BytesReceived
	NumCounters
)

// The other fields.
const (
	ActiveNodes = iota + NumCounters
	InactiveNodes
	TotalNodes
	AvgLatency
	PeakThroughput
	Uptime
	NumFields

	nodeID // strings, stored in Mixnode
	nodeStatus
)

// fieldType is the type of a field in JSON.
type fieldType uint8

const (
	whole fieldType = iota // at least 0, in plain digits
	mean                   // at least 0, with or without a fraction; null is unknown
	text
)

// milliseconds is a unit that metrics convert to seconds.
const milliseconds = "milliseconds"

// fields lists the fields of all documents, in the order in which missing fields are
// reported.
var fields = []fieldSpec{
	{Metrics, "packets_processed", whole, "packets", required, PacketsProcessed},
	{Metrics, "packets_dropped", whole, "packets", required, PacketsDropped},

	{Nodes, "active_nodes", whole, "nodes", required, ActiveNodes},
	{Nodes, "inactive_nodes", whole, "nodes", required, InactiveNodes},
	{Nodes, "total_nodes", whole, "nodes", required, TotalNodes},

	{Network, "bytes_transmitted", whole, "bytes", required, BytesTransmitted},
	{Network, "bytes_received", whole, "bytes", required, BytesReceived},
	{Network, "avg_latency_ms", mean, milliseconds, required, AvgLatency},
	{Network, "peak_throughput", whole, "", required, PeakThroughput},

	{Mixnodes, "id", text, "", required, nodeID},
	{Mixnodes, "status", text, "", required, nodeStatus},
	{Mixnodes, "packets_processed", whole, "packets", required, PacketsProcessed},
	{Mixnodes, "packets_forwarded", whole, "packets", optional, PacketsForwarded},
	{Mixnodes, "packets_dropped", whole, "packets", optional, PacketsDropped},
	{Mixnodes, "uptime_seconds", whole, "seconds", optional, Uptime},
	{Mixnodes, "avg_latency_ms", mean, milliseconds, optional, AvgLatency},
}

const (
	required = true
	optional = false
)

// fieldSpec describes a field of a document or, for Mixnodes, of each node.
type fieldSpec struct {
	endpoint Endpoint
	key      string
	jsonType fieldType
	unit     string
	required bool
	field    Field
}

// fieldsOf lists the fields of each endpoint. numbers has one fieldSpec for each Field;
// all fieldSpecs of a Field have the same type and unit.
var fieldsOf, numbers = func() (of [NumEndpoints][]fieldSpec, numbers [NumFields]fieldSpec) {
	for _, s := range fields {
		of[s.endpoint] = append(of[s.endpoint], s)
		if s.jsonType != text {
			numbers[s.field] = s
		}
	}
	return of, numbers
}()

// IsCounter reports whether the field is a counter.
func (f Field) IsCounter() bool { return f < NumCounters }

// IsMean reports whether the field is a mean, which is read with Float or Metric instead
// of Uint.
func (f Field) IsMean() bool { return numbers[f].jsonType == mean }

// Values stores the known numbers of a document. In the zero value none is known.
type Values struct {
	known  uint16            // a bit for each field
	number [NumFields]uint64 // Float64bits of a mean; 0 if unknown
}

// Set sets a whole number.
func (v *Values) Set(f Field, n uint64) { v.number[f], v.known = n, v.known|1<<f }

// SetFloat sets a mean, in the unit of the document.
func (v *Values) SetFloat(f Field, x float64) { v.Set(f, math.Float64bits(x)) }

// Merge overwrites numbers with the known numbers of o.
func (v *Values) Merge(o *Values) {
	for left := o.known; left != 0; left &= left - 1 {
		f := bits.TrailingZeros16(left)
		v.number[f] = o.number[f]
	}
	v.known |= o.known
}

// Uint returns a pointer to a whole number, which the caller must not change, or nil if
// the number is not known.
func (v *Values) Uint(f Field) *uint64 {
	if v.known&(1<<f) == 0 {
		return nil
	}
	return &v.number[f]
}

// Get returns a whole number, or 0 if it is not known.
func (v *Values) Get(f Field) uint64 { return v.number[f] }

// Float returns a mean in the unit of the document. ok is false if it is not known.
func (v *Values) Float(f Field) (x float64, ok bool) {
	return math.Float64frombits(v.number[f]), v.known&(1<<f) != 0
}

// Metric returns a mean in the base unit of metrics, such as seconds. ok is false if it
// is not known.
func (v *Values) Metric(f Field) (x float64, ok bool) {
	x, ok = v.Float(f)
	if numbers[f].unit == milliseconds {
		x /= 1000
	}
	return x, ok
}

// Fell reports whether any counter that is known in both v and before is lower in v.
func (v *Values) Fell(before *Values) bool {
	for left := v.known & before.known & (1<<NumCounters - 1); left != 0; left &= left - 1 {
		if f := bits.TrailingZeros16(left); v.number[f] < before.number[f] {
			return true
		}
	}
	return false
}
