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

// maxRuntimeAge limits the age of the families about the runtime and the process,
// because gathering them costs more than the rest of a small scrape.
const maxRuntimeAge = time.Second

// runtime caches client_golang's families about the Go runtime, the process and the
// build.
type runtime struct {
	registry *prometheus.Registry
	refresh  sync.Mutex
	last     atomic.Pointer[gathered]
}

// gathered is the result of gathering at one moment.
type gathered struct {
	at       time.Time
	families []gatheredFamily
}

// gatheredFamily is one family, encoded in each format.
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

// families returns families that are at most maxRuntimeAge old, or slightly older
// while another scrape gathers them again.
func (r *runtime) families() []gatheredFamily {
	g := r.last.Load()
	if time.Since(g.at) > maxRuntimeAge && r.refresh.TryLock() {
		g = r.gather()
		r.last.Store(g)
		r.refresh.Unlock()
	}
	return g.families
}

func (r *runtime) gather() *gathered {
	all := &gathered{at: time.Now()}
	// On an error, show what could be gathered.
	families, _ := r.registry.Gather()
	for _, family := range families {
		g := gatheredFamily{name: family.GetName()}
		for f, format := range [numFormats]expfmt.Format{Text: expfmt.FmtText, OpenMetrics: expfmt.FmtOpenMetrics_1_0_0, Protobuf: expfmt.FmtProtoDelim} {
			var b bytes.Buffer
			_ = expfmt.NewEncoder(&b, format).Encode(family) // a bytes.Buffer returns no error
			g.text[f] = b.Bytes()
		}
		all.families = append(all.families, g)
	}
	return all
}
