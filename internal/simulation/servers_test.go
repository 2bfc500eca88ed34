package simulation_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

// serveList serves the target list for HTTP discovery.
func (w *world) serveList(c net.Conn) {
	r := bufio.NewReaderSize(c, 512)
	for {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		w.mu.Lock()
		hangs, breaks := w.activeEpisode("list hangs") != nil, w.activeEpisode("list breaks")
		targets := []map[string]any{}
		for _, u := range w.upstreams {
			if u.wanted && u.source == "list" {
				targets = append(targets, u.target())
			}
		}
		w.mu.Unlock()
		if hangs {
			w.sink(c)
			return
		}
		text, _ := json.Marshal(targets)
		body := response("200 OK", "", string(text))
		if breaks != nil {
			body = []string{response("500 Broken", "", ""), response("200 OK", "", "[{"), response("200 OK", "", `{"a":1}`)}[breaks.Variant%3]
		}
		if _, err := io.WriteString(c, body); err != nil {
			return
		}
	}
}

// serveNames serves DNS over a stream, for DNS discovery.
func (w *world) serveNames(c net.Conn) {
	var length [2]byte
	for {
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		q := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, q); err != nil {
			return
		}
		end := 12 // length of the header
		for q[end] != 0 {
			end += int(q[end]) + 1
		}
		end += 5 // end of the name, type and class
		a := append([]byte{}, q[:end]...)
		a[2], a[3] = 0x84, 0x80               // an authoritative answer
		a[8], a[9], a[10], a[11] = 0, 0, 0, 0 // without authority or additional records
		var answers uint16
		w.mu.Lock()
		if w.activeEpisode("names fail") != nil {
			a[3] |= 2 // SERVFAIL
		} else if binary.BigEndian.Uint16(q[end-4:]) == 1 { // type A
			for _, u := range w.upstreams {
				if u.source == "names" && u.wanted {
					ip := netip.MustParseAddrPort(u.urls[0].host).Addr().As4()
					// The name of the question, type A, class IN, a TTL of 1 s and 4 bytes.
					a = append(append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4), ip[:]...)
					answers++
				}
			}
		}
		w.mu.Unlock()
		binary.BigEndian.PutUint16(a[6:], answers)
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)); err != nil {
			return
		}
	}
}

// dialNames connects the resolver to serveNames.
func (w *world) dialNames(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	w.running.Go(func() {
		defer theirs.Close()
		w.serveNames(theirs)
	})
	return ours, nil
}

// point is a data point of a push.
type point struct {
	start uint64 // start time in nanoseconds
	value float64
	at    time.Time
}

// serveReceiver receives pushes over OTLP.
func (w *world) serveReceiver(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		q, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body := q.Body
		if q.Header.Get("Content-Encoding") == "gzip" {
			if body, err = gzip.NewReader(q.Body); err != nil {
				return
			}
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return
		}
		message := new(collector.ExportMetricsServiceRequest)
		w.mu.Lock()
		if err := proto.Unmarshal(text, message); err != nil {
			w.fail("push: %v", err)
		}
		began, hangs, refuses := w.began, w.activeEpisode("receiver hangs") != nil, w.activeEpisode("receiver refuses")
		w.mu.Unlock()
		switch {
		case hangs:
			w.sink(c)
			return
		case refuses != nil:
			_, err = io.WriteString(c, []string{response("503 Busy", "Retry-After: 3\r\n", ""), response("400 Bad", "", ""), response("500 Broken", "", "")}[refuses.Variant%3])
		default:
			_, err = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
			if err == nil {
				w.mu.Lock()
				if w.began == began { // otherwise it is the last push before a restart
					w.received(message)
				}
				w.mu.Unlock()
			}
		}
		if err != nil {
			return
		}
	}
}

// received checks a push in the same way as a scrape, and also that sums with the same start
// never fall.
func (w *world) received(m *collector.ExportMetricsServiceRequest) {
	if w.points == nil {
		return
	}
	w.pushes++
	w.lastPush = time.Now()
	series := make(map[string]float64)
	for _, resource := range m.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, metric := range scope.Metrics {
				points := metric.GetGauge().GetDataPoints()
				if s := metric.GetSum(); s != nil {
					points = s.DataPoints
				}
				for _, p := range points {
					key, value := metric.Name+labelsOf(p.Attributes), p.GetAsDouble()+float64(p.GetAsInt())
					series[key] = value
					if s := metric.GetSum(); s == nil || !s.IsMonotonic {
						continue
					}
					before, known := w.points[key]
					if !known && strings.HasPrefix(key, "betanet_messages_total") && p.StartTimeUnixNano != p.TimeUnixNano {
						w.fail("pushed the first value of %s, %v, as an increase", key, value)
					}
					if known && before.start == p.StartTimeUnixNano && value < before.value {
						w.fail("pushed %s %v after %v with the same start time", key, value, before.value)
					}
					if p.StartTimeUnixNano > p.TimeUnixNano {
						w.fail("pushed %s with a start time after its time", key)
					}
					w.points[key] = point{p.StartTimeUnixNano, value, time.Now()}
				}
			}
		}
	}
	if _, upstreams := series[`betanet_up{upstream="always"}`]; upstreams { // this request contains the upstreams
		w.check("push", series)
	}
}

func labelsOf(all []*common.KeyValue) string {
	labels := ""
	for _, a := range all {
		if labels != "" {
			labels += ","
		}
		labels += a.Key + `="` + a.Value.GetStringValue() + `"`
	}
	if labels == "" {
		return ""
	}
	return "{" + labels + "}"
}
