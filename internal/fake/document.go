package fake

import "fmt"

// Document returns a version of the document at one of the three v1 paths. id is added to the numbers that may grow, so
// that a test can tell which version is exposed.
func Document(path string, id int) string {
	switch path {
	case Metrics:
		return fmt.Sprintf(`{"packets_processed":%d,"packets_dropped":%d}`, 5000+id, 10+id)
	case Nodes:
		return fmt.Sprintf(`{"active_nodes":%d,"inactive_nodes":%d,"total_nodes":%d}`, 5+id, 2, 7+id)
	case Network:
		return fmt.Sprintf(`{"bytes_transmitted":%d,"bytes_received":%d,"avg_latency_ms":45.0,"peak_throughput":%d}`,
			1000000+id, 500000+id, 10000+id)
	}
	panic("no document for " + path)
}

// MixnodesDocument is a valid document of /mixnodes: two active nodes and a stopped one, with 60 packets in total.
const MixnodesDocument = `[` +
	`{"id":"mixnode-a","status":"active","packets_processed":10,"packets_forwarded":9,"packets_dropped":1,"uptime_seconds":100,"avg_latency_ms":10.0},` +
	`{"id":"mixnode-b","status":"active","packets_processed":20,"packets_forwarded":18,"packets_dropped":2,"uptime_seconds":200,"avg_latency_ms":20.0},` +
	`{"id":"mixnode-c","status":"stopped","packets_processed":30,"packets_forwarded":27,"packets_dropped":3,"uptime_seconds":300,"avg_latency_ms":90.0}]`
