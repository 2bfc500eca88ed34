package fake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const deployPath = "/deploy"

// names lists what SetValues may pin: the paths of an API's documents and the
// fields in them.
func (a API) names() []string {
	if a == MixnodesAPI {
		return []string{
			Mixnodes, "id", "status", "packets_processed", "packets_forwarded",
			"packets_dropped", "uptime_seconds", "avg_latency_ms",
		}
	}
	return []string{
		Metrics, "packets_processed", "packets_dropped",
		Nodes, "active_nodes", "inactive_nodes", "total_nodes",
		Network, "bytes_transmitted", "bytes_received", "avg_latency_ms", "peak_throughput",
	}
}

// SetValues pins what the documents say until the next call; what it does not
// name goes on moving, so SetValues(nil) pins nothing. A key is the name of a
// field, which then has this value wherever it occurs, or the path of a
// document, which is then replaced as a whole. Values are given to
// encoding/json, and a json.RawMessage is sent as it is:
//
//	s.SetValues(map[string]any{"packets_processed": 5000, "avg_latency_ms": 45.0})
//	s.SetValues(map[string]any{"/mixnodes": json.RawMessage(`[]`)})
func (s *Service) SetValues(values map[string]any) error {
	pins := make(map[string]json.RawMessage, len(values))
	names := s.options.API.names()
	for name, value := range values {
		if !slices.Contains(names, name) {
			return fmt.Errorf("pin %q: the API %s has %s", name, s.options.API, strings.Join(names, ", "))
		}
		if raw, ok := value.(json.RawMessage); ok {
			pins[name] = slices.Clone(raw) // not encoded: it need not be JSON
			continue
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("pin %q: %w", name, err)
		}
		pins[name] = encoded
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins = pins
	return nil
}

// documentV1 returns nil for a path that has no document.
func (s *Service) documentV1(path string) []byte {
	if pinned, ok := s.pins[path]; ok {
		return pinned
	}
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
		return s.object(
			field{"packets_processed", number(forwarded)}, // this API counts dropped ones apart
			field{"packets_dropped", number(dropped)})
	case Nodes:
		nodes := uint64(s.network.left())
		return s.object(
			field{"active_nodes", number(active)},
			field{"inactive_nodes", number(nodes - active)},
			field{"total_nodes", number(nodes)})
	case Network:
		return s.object(
			field{"bytes_transmitted", number(forwarded * packetSize)},
			field{"bytes_received", number((forwarded + dropped) * packetSize)},
			field{"avg_latency_ms", strconv.FormatFloat(s.network.averageLatency(), 'f', 1, 64)},
			field{"peak_throughput", number(uint64(s.network.peak * packetSize))})
	}
	return nil
}

func (s *Service) documentMixnodes() []byte {
	if pinned, ok := s.pins[Mixnodes]; ok {
		return pinned
	}
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
	return s.object(
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

func (s *Service) object(fields ...field) []byte {
	body := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			body = append(body, ',')
		}
		if pinned, ok := s.pins[f.name]; ok {
			f.value = string(pinned)
		}
		body = fmt.Appendf(body, "%q:%s", f.name, f.value)
	}
	return append(body, '}')
}
