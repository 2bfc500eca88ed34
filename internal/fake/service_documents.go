package fake

import (
	"fmt"
	"strconv"
	"strings"
)

const deployPath = "/deploy"

// documentV1 returns nil for a path that has no document.
func (s *Service) documentV1(path string) []byte {
	var forwarded, dropped, active uint64
	for i, one := range s.network.nodes { // those that left too: a total does not fall
		f, d := s.network.packets(one)
		forwarded, dropped = forwarded+f, dropped+d
		if s.network.runs(i) {
			active++
		}
	}
	switch path {
	case Metrics:
		return object(
			field{"packets_processed", number(forwarded)}, // this API counts dropped ones apart
			field{"packets_dropped", number(dropped)})
	case Nodes:
		nodes := uint64(s.network.left())
		return object(
			field{"active_nodes", number(active)},
			field{"inactive_nodes", number(nodes - active)},
			field{"total_nodes", number(nodes)})
	case Network:
		return object(
			field{"bytes_transmitted", number(forwarded * packetBytes)},
			field{"bytes_received", number((forwarded + dropped) * packetBytes)},
			field{"avg_latency_ms", strconv.FormatFloat(s.network.averageLatency(), 'f', 1, 64)},
			field{"peak_throughput", number(uint64(s.network.peak * packetBytes))})
	}
	return nil
}

func (s *Service) documentMixnodes() []byte {
	body := []byte{'['}
	for i := range s.network.left() {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, s.documentNode(i)...)
	}
	return append(body, ']')
}

func (s *Service) documentNode(i int) []byte {
	n, status := s.network.nodes[i], "stopped"
	if s.network.runs(i) {
		status = "active"
	}
	forwarded, dropped := s.network.packets(n)
	return object(
		field{"id", strconv.Quote(n.id)},
		field{"status", strconv.Quote(status)},
		field{"packets_processed", number(forwarded + dropped)},
		field{"packets_forwarded", number(forwarded)},
		field{"packets_dropped", number(dropped)},
		field{"uptime_seconds", number(n.uptime)},
		field{"avg_latency_ms", decimal(s.network.meanLatency(n))})
}

// field is a name and the JSON of its value. The documents are written field by
// field because their order, and the 0.0 of a latency, are those of the
// published server.
type field struct{ name, value string }

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// decimal writes all digits, and 0 as 0.0, as serde_json does.
func decimal(f float64) string {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func object(fields ...field) []byte {
	body := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, "%q:%s", f.name, f.value)
	}
	return append(body, '}')
}
