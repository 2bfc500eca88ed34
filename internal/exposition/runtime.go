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

// runtimeAge is how old the lines about runtime and process may be: reading
// them costs more than all else in a small scrape.
const runtimeAge = time.Second

// runtime has the lines about the Go runtime, the process and the build, which
// client_golang knows best.
type runtime struct {
	registry *prometheus.Registry
	refresh  sync.Mutex
	last     atomic.Pointer[runtimeLines]
}

type runtimeLines struct {
	at   time.Time
	text [2][]byte // by format
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

// lines are at most runtimeAge old, or as old as a scrape that is renewing them
// at this moment has been running.
func (r *runtime) lines(f Format) []byte {
	l := r.last.Load()
	if time.Since(l.at) > runtimeAge && r.refresh.TryLock() {
		l = r.gather()
		r.last.Store(l)
		r.refresh.Unlock()
	}
	return l.text[f]
}

func (r *runtime) gather() *runtimeLines {
	l := &runtimeLines{at: time.Now()}
	// What could be gathered is shown; the rest is absent.
	gathered, _ := r.registry.Gather()
	for f, format := range []expfmt.Format{expfmt.FmtText, expfmt.FmtOpenMetrics_1_0_0} {
		var b bytes.Buffer
		e := expfmt.NewEncoder(&b, format)
		for _, family := range gathered {
			_ = e.Encode(family) // a bytes.Buffer takes everything
		}
		l.text[f] = b.Bytes()
	}
	return l
}
