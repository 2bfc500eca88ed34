package betanet

import (
	"math"
	"math/bits"
)

// Field is a number that documents give, whichever API they are of.
type Field uint8

// The running totals of a service come first, to be indices of an array.
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

	nodeID // texts, which have a place of their own
	nodeStatus
)

// fieldKind is how a field is written in JSON.
type fieldKind uint8

const (
	whole fieldKind = iota // from 0, in plain digits
	mean                   // from 0, with or without a fraction; null, the mean of nothing, is unknown
	text
)

// milliseconds is a unit of which metrics have the thousandth part.
const milliseconds = "milliseconds"

// fields are all fields of all documents, in the order in which a missing one is
// reported. The rows are data only, as a file could declare them.
var fields = []fieldRow{
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

// fieldRow is one field of a document, of Mixnodes one of each node.
type fieldRow struct {
	endpoint Endpoint
	key      string
	kind     fieldKind
	unit     string
	required bool
	field    Field // where the value goes
}

// fieldsOf are the rows of each endpoint, and numbers a row of each number: those
// of the same number have the same kind and unit.
var fieldsOf, numbers = func() (of [NumEndpoints][]fieldRow, numbers [NumFields]fieldRow) {
	for _, r := range fields {
		of[r.endpoint] = append(of[r.endpoint], r)
		if r.kind != text {
			numbers[r.field] = r
		}
	}
	return of, numbers
}()

// IsCounter reports whether the field is a running total.
func (f Field) IsCounter() bool { return f < NumCounters }

// IsMean reports whether the field is read with Float or Metric, and not with Uint.
func (f Field) IsMean() bool { return numbers[f].kind == mean }

// Values are numbers by field, of which some are known. The zero value has none.
type Values struct {
	known  uint16            // a bit for each field
	number [NumFields]uint64 // of a mean the bits of the float64; 0 where nothing is known
}

// Set sets a whole number.
func (v *Values) Set(f Field, n uint64) { v.number[f], v.known = n, v.known|1<<f }

// SetFloat sets a mean, in the unit of the document.
func (v *Values) SetFloat(f Field, x float64) { v.Set(f, math.Float64bits(x)) }

// Merge sets what is known of o.
func (v *Values) Merge(o *Values) {
	for left := o.known; left != 0; left &= left - 1 {
		f := bits.TrailingZeros16(left)
		v.number[f] = o.number[f]
	}
	v.known |= o.known
}

// Uint returns a whole number, which the caller must not change, and nil if it is
// not known.
func (v *Values) Uint(f Field) *uint64 {
	if v.known&(1<<f) == 0 {
		return nil
	}
	return &v.number[f]
}

// Get returns a whole number, 0 if it is not known.
func (v *Values) Get(f Field) uint64 { return v.number[f] }

// Float returns a mean in the unit of the document. ok is false if it is not known.
func (v *Values) Float(f Field) (x float64, ok bool) {
	return math.Float64frombits(v.number[f]), v.known&(1<<f) != 0
}

// Metric returns a mean in the unit of metrics. ok is false if it is not known.
func (v *Values) Metric(f Field) (x float64, ok bool) {
	x, ok = v.Float(f)
	if numbers[f].unit == milliseconds {
		x /= 1000
	}
	return x, ok
}

// Fell reports whether a running total is lower than it was before.
func (v *Values) Fell(before *Values) bool {
	for left := v.known & before.known & (1<<NumCounters - 1); left != 0; left &= left - 1 {
		if f := bits.TrailingZeros16(left); v.number[f] < before.number[f] {
			return true
		}
	}
	return false
}
