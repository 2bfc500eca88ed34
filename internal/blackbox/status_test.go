package blackbox

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
)

// details is what /health/details says, as far as tests look at it.
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

// page is the body of a page, whatever its status.
func (p *program) page(t *testing.T, path string, header ...string) []byte {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, p.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
