package schema

import "testing"

func TestSuggestFindsTheIntendedKey(t *testing.T) {
	known := []string{"api", "breaker", "cache", "labels", "max-backoff", "name", "replicas", "url"}
	for key, want := range map[string]string{
		"nmae": "name", "Name": "name", "names": "name", "nam": "name", "ulr": "url", "uri": "url", "max_backoff": "max-backoff", "maxbackof": "max-backoff",
		"replica": "replicas", "braeker": "breaker", "x": "", "": "", "target": "", "apple": "", "url_of_it": "", "maxbackofs": "max-backoff", "maxbackxfs": "",
	} {
		if got, ok := Suggest(key, known); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", key, got, want)
		}
	}
}
