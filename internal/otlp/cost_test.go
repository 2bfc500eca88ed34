package otlp

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/betanet/betanet_exporter/internal/exposition"
)

// sink accepts every request immediately.
type sink struct{ bytes int64 }

func (s *sink) RoundTrip(r *http.Request) (*http.Response, error) {
	n, err := io.Copy(io.Discard, r.Body)
	s.bytes += n
	return respond(http.StatusOK, "", nil), err
}

// BenchmarkPush reports the time of a push relative to a scrape of the same registry in
// the same run, and the memory in use beyond the registry's: the peak, and what remains.
func BenchmarkPush(b *testing.B) {
	for _, upstreams := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(upstreams), func(b *testing.B) {
			registry := exposition.NewRegistry()
			for i := range upstreams {
				publish(registry, fmt.Sprint("upstream-", i), 5000)
			}
			scrape := func() {
				if err := registry.Write(io.Discard, exposition.Text); err != nil {
					b.Fatal(err)
				}
			}
			s := new(sink)
			p, err := newPusher(registryOptions(registry, 500), resource.Empty(), s)
			if err != nil {
				b.Fatal(err)
			}
			scrape()
			before := heapInUse()
			var peak uint64
			stop, watched := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(watched)
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapAlloc)
					}
				}
			}()
			var scraping, pushing time.Duration
			for b.Loop() {
				began := time.Now()
				scrape()
				middle := time.Now()
				if err := pushOnce(b.Context(), p); err != nil {
					b.Fatal(err)
				}
				scraping += middle.Sub(began)
				pushing += time.Since(middle)
			}
			close(stop)
			<-watched
			kept := heapInUse()
			runtime.KeepAlive(p)
			b.ReportMetric(float64(pushing)/float64(scraping), "scrapes/push")
			b.ReportMetric(float64(s.bytes)/float64(b.N)/1e6, "MB/push")
			b.ReportMetric((float64(peak)-float64(before))/(1<<20), "peak-MiB")
			b.ReportMetric((float64(kept)-float64(before))/(1<<20), "kept-MiB")
		})
	}
}

// heapInUse returns the size of all reachable objects in bytes.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
