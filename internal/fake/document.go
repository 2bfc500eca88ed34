package fake

import "fmt"

// The healthy documents carry the numbers of the seed's tests. ID tells documents apart: document 0 is the seed's,
// and each further one adds its ID to the numbers that may grow, so that a test sees which one is exposed.

// MetricsDocument is document id of /api/v1/metrics.
func MetricsDocument(id int) string {
	return fmt.Sprintf(`{"packets_processed":%d,"packets_dropped":%d}`, 5000+id, 10+id)
}

// NodesDocument is document id of /api/v1/nodes/status.
func NodesDocument(id int) string {
	return fmt.Sprintf(`{"active_nodes":%d,"inactive_nodes":%d,"total_nodes":%d}`, 5+id, 2, 7+id)
}

// NetworkDocument is document id of /api/v1/network/stats.
func NetworkDocument(id int) string {
	return fmt.Sprintf(`{"bytes_transmitted":%d,"bytes_received":%d,"avg_latency_ms":45.0,"peak_throughput":%d}`,
		1000000+id, 500000+id, 10000+id)
}

// Document is document id of one of the three v1 paths.
func Document(path string, id int) string {
	switch path {
	case Metrics:
		return MetricsDocument(id)
	case Nodes:
		return NodesDocument(id)
	case Network:
		return NetworkDocument(id)
	}
	panic("no document for " + path)
}

// Healthy is the seed's document of every v1 path.
func Healthy() map[string]string {
	return map[string]string{Metrics: MetricsDocument(0), Nodes: NodesDocument(0), Network: NetworkDocument(0)}
}

// MixnodesDocument is a valid answer to /mixnodes: two active nodes and a stopped one, 60 packets in all.
const MixnodesDocument = `[` +
	`{"id":"mixnode-a","status":"active","packets_processed":10,"packets_forwarded":9,"packets_dropped":1,"uptime_seconds":100,"avg_latency_ms":10.0},` +
	`{"id":"mixnode-b","status":"active","packets_processed":20,"packets_forwarded":18,"packets_dropped":2,"uptime_seconds":200,"avg_latency_ms":20.0},` +
	`{"id":"mixnode-c","status":"stopped","packets_processed":30,"packets_forwarded":27,"packets_dropped":3,"uptime_seconds":300,"avg_latency_ms":90.0}]`
