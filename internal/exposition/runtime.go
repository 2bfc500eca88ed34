package exposition

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/expfmt"
)

// maxRuntimeAge is how old the lines about runtime and process may be: reading
// them costs more than all else in a small scrape.
const maxRuntimeAge = time.Second

// runtime has the families about the Go runtime, the process and the build, which
// client_golang knows best.
type runtime struct {
	registry *prometheus.Registry
	refresh  sync.Mutex
	last     atomic.Pointer[gathered]
}

// gathered is what was gathered at one moment.
type gathered struct {
	at       time.Time
	families []gatheredFamily
}

// gatheredFamily is one family, written in each format.
type gatheredFamily struct {
	name string
	text [numFormats][]byte
}

func newRuntime() *runtime {
	r := &runtime{registry: prometheus.NewPedanticRegistry()}
	r.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		version.NewCollector("betanet_exporter"),
	)
	r.last.Store(r.gather())
	return r
}

// families returns what is at most runtimeAge old, or as old as a scrape that is
// renewing it at this moment has been running.
func (r *runtime) families() []gatheredFamily {
	l := r.last.Load()
	if time.Since(l.at) > maxRuntimeAge && r.refresh.TryLock() {
		l = r.gather()
		r.last.Store(l)
		r.refresh.Unlock()
	}
	return l.families
}

func (r *runtime) gather() *gathered {
	l := &gathered{at: time.Now()}
	// What could be gathered is shown; the rest is absent.
	all, _ := r.registry.Gather()
	for _, family := range all {
		g := gatheredFamily{name: family.GetName()}
		for f, format := range [numFormats]expfmt.Format{Text: expfmt.FmtText, OpenMetrics: expfmt.FmtOpenMetrics_1_0_0, Protobuf: expfmt.FmtProtoDelim} {
			var b bytes.Buffer
			_ = expfmt.NewEncoder(&b, format).Encode(family) // a bytes.Buffer takes everything
			g.text[f] = b.Bytes()
		}
		l.families = append(l.families, g)
	}
	return l
}
