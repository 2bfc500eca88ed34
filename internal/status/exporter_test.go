package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPartsOfTheExporterShowTheirStates(t *testing.T) {
	minute, zero := 60.0, 0.0
	s := &Status{
		Sources: []sourceStatus{
			{Source: "dns:a", Up: true, LastSuccess: noon.Add(-time.Minute), Upstreams: 1200},
			{Source: "file:b", Error: "read b: no such file or directory", Upstreams: 3, Rejected: 2, Duplicates: 1},
			{Source: "http:c"},
		},
		Config: &Configuration{File: "c.yml", LastReload: noon.Add(time.Second)},
		Push:   &Push{Endpoint: "http://collector", LastSuccess: noon.Add(-time.Minute), Error: "HTTP status 401"},
	}
	want := []part{
		{Name: "Discovery dns:a", Upstreams: grouped(1200), AgeSeconds: &minute},
		{Name: "Discovery file:b", Failing: true, Upstreams: "3, 3 ignored", Error: "read b: no such file or directory"},
		{Name: "Discovery http:c", Pending: true, Upstreams: "0"},
		{Name: "Configuration c.yml", AgeSeconds: &zero},
		{Name: "Push to http://collector", Failing: true, AgeSeconds: &minute, Error: "HTTP status 401"},
	}
	if diff := cmp.Diff(want, newParts(s, noon)); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if got := newParts(&Status{Config: &Configuration{LastReload: noon}}, noon); len(got) != 0 {
		t.Errorf("only flags: got %+v, want no parts", got)
	}
}
