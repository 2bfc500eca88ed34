package test

import (
	"fmt"
	"strings"
	"testing"
)

// simulate starts three Betanet services of one API and gives their base URLs.
func simulate(t *testing.T, api string) []string {
	t.Helper()
	path := map[string]string{"v1": "/api/v1/metrics", "mixnodes": "/mixnodes"}[api]
	_, urls := serve(t, []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}, path, binary, func(port string) []string {
		return []string{"simulate", "--api=" + api, "--count=3", "--listen-address=127.0.0.1:" + port}
	})
	return urls
}

// expose starts the exporter on upstreams, a collection a second, and gives its
// base URL once as many upstreams as expected are up.
func expose(t *testing.T, up int, upstreams []string) string {
	t.Helper()
	_, urls := serve(t, []string{"127.0.0.1"}, "/-/ready", binary, func(port string) []string {
		args := []string{"--web.listen-address=127.0.0.1:" + port, "--collect.interval=1s"}
		for _, u := range upstreams {
			args = append(args, "--betanet.url="+u)
		}
		return args
	})
	wait(t, fmt.Sprintf("%d upstreams are up", up), func() error {
		text, err := get(urls[0] + "/metrics")
		if err != nil {
			return err
		}
		n := 0
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "betanet_up") && strings.HasSuffix(line, " 1\n") {
				n++
			}
		}
		if n != up {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
	return urls[0]
}
