package app

import "testing"

func TestOpenFilesAreDividedBetweenUpstreamsAndScrapers(t *testing.T) {
	for _, c := range []struct{ limit, upstreams, inbound int }{
		{0, 0, 512}, // no limit known
		{20000, 19400, 512},
		{1024, 512, 424},
		{256, 128, 64},
		{16, 8, 4},
	} {
		upstreams, inbound := divideOpenFiles(c.limit)
		if upstreams != c.upstreams || inbound != c.inbound {
			t.Errorf("limit %d: got %d for upstreams and %d for scrapers, want %d and %d", c.limit, upstreams, inbound, c.upstreams, c.inbound)
		}
		if c.limit > 0 && upstreams+inbound >= c.limit {
			t.Errorf("limit %d: nothing is left for the process itself", c.limit)
		}
	}
}
