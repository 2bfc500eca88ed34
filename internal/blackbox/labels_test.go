package blackbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// hostileIDs are IDs that break an exposition if they are not escaped, or are escaped twice.
var hostileIDs = []string{
	`a"b`, `a\b`, `a\`, `\`, `"`, `\"`, `\n`, "a\nb", "\n", "\r", "\r\n", "}", `{a="b"}`, `"} 1` + "\nbetanet_up 1\n# ", "a,b", `a="b",c="d"`,
	" ", " a ", "\t", "\x00", "\x01", "\x7f", "\x1b[31m", "é", "日本語", "🜁", "\u2028", "\u202e", "\ufeff", "\ufffd", "# HELP a b", "# EOF", "NaN", "0",
	"%s", "%!d(MISSING)", "{{.}}", "<script>alert(1)</script>", "../../etc/passwd", "${HOME}", "a'b", "`", "le", "__name__",
	strings.Repeat("x", 128), strings.Repeat(`"`, 128), strings.Repeat("\n", 128), strings.Repeat("é", 64),
}

func TestTheIDOfAMixnodeIsExposedUnchanged(t *testing.T) {
	t.Parallel()
	want := map[string]float64{}
	var nodes []map[string]any
	for i, id := range hostileIDs {
		want[id] = float64(i + 1)
		nodes = append(nodes, map[string]any{"id": id, "status": "active", "packets_processed": i + 1, "uptime_seconds": 1})
	}
	body, err := json.Marshal(nodes)
	if err != nil {
		t.Fatal(err)
	}
	server := startMixnodes(t)
	server.Set(fake.Mixnodes, fake.ThenClose(fake.JSON(string(body))))
	p := serve(t, nil, append([]string{"--betanet.url=" + server.URL()}, unhurriedFlags...)...)
	p.await(t, "", func(e exposition) error {
		return errors.Join(e.is("betanet_up", 1), e.is("betanet_connected_peers", float64(len(hostileIDs))))
	})
	for name, families := range map[string]func() (map[string]*dto.MetricFamily, error){
		"text": func() (map[string]*dto.MetricFamily, error) {
			parser := expfmt.NewTextParser(model.UTF8Validation)
			return parser.TextToMetricFamilies(bytes.NewReader(p.page(t, "/metrics", "Accept", "text/plain;version=0.0.4")))
		},
		"protobuf": func() (map[string]*dto.MetricFamily, error) {
			return decode(p.page(t, "/metrics", "Accept", string(expfmt.FmtProtoDelim)))
		},
		"OpenMetrics": func() (map[string]*dto.MetricFamily, error) {
			return openMetrics(p.page(t, "/metrics", "Accept", string(expfmt.FmtOpenMetrics_1_0_0)))
		},
	} {
		all, err := families()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := map[string]float64{}
		for _, m := range all["betanet_mixnode_packets_processed_total"].GetMetric() {
			got[m.Label[0].GetValue()] = m.Counter.GetValue() + m.Untyped.GetValue()
		}
		if !maps.Equal(got, want) {
			for _, id := range slices.Sorted(maps.Keys(want)) {
				if got[id] != want[id] {
					t.Errorf("%s: id %q: got %v, want %v", name, id, got[id], want[id])
				}
			}
			t.Errorf("%s: got %d ids, want %d", name, len(got), len(want))
		}
	}
	if page := string(p.page(t, "/")); strings.Contains(page, "<script>alert") {
		t.Error("the page contains an id as HTML")
	}
}

func decode(body []byte) (map[string]*dto.MetricFamily, error) {
	decoder := expfmt.NewDecoder(bytes.NewReader(body), expfmt.FmtProtoDelim)
	all := map[string]*dto.MetricFamily{}
	for {
		f := new(dto.MetricFamily)
		if err := decoder.Decode(f); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[f.GetName()] = f
	}
}

// openMetrics reads the samples of an exposition in OpenMetrics. Its lines, except for comments, are in the text format.
func openMetrics(body []byte) (map[string]*dto.MetricFamily, error) {
	text, ended := bytes.CutSuffix(body, []byte("# EOF\n"))
	if !ended {
		return nil, fmt.Errorf("no # EOF at the end of %q", body[max(0, len(body)-100):])
	}
	var samples []byte
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("# ")) {
			samples = append(samples, line...)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(samples))
}
