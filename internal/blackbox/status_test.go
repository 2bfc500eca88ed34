package blackbox

import (
	"encoding/json"
	"testing"
)

// details has the fields of /health/details that tests use.
type details struct {
	Status    string
	Upstreams []struct {
		Name      string
		Endpoints []endpointDetails
	}
}

type endpointDetails struct {
	Endpoint string
	Breaker  string
	Reason   string  `json:"last_error_reason"`
	Error    string  `json:"last_error"`
	Wait     float64 `json:"next_collection_seconds"`
}

func (d details) endpoint(upstream, endpoint string) endpointDetails {
	for _, u := range d.Upstreams {
		for _, e := range u.Endpoints {
			if u.Name == upstream && e.Endpoint == endpoint {
				return e
			}
		}
	}
	return endpointDetails{}
}

func (p *program) status(t *testing.T) details {
	t.Helper()
	var d details
	if err := json.Unmarshal(p.page(t, "/health/details"), &d); err != nil {
		t.Fatal(err)
	}
	return d
}
