package config

import (
	"slices"
	"testing"
)

func TestStandardVariablesDisableThePushThatTheyConfigure(t *testing.T) {
	const (
		endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://a"
		metrics  = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://a"
		protocol = " is not supported, so nothing is pushed to the endpoint of OTEL_EXPORTER_OTLP_ENDPOINT; set OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf if the receiver accepts it"
		notOff   = " does not disable the push that "
	)
	own := []string{"--otlp.endpoint=http://own"}
	for _, c := range []struct {
		args, env []string
		pushes    bool
		warning   string
	}{
		{nil, []string{endpoint}, true, ""},
		{nil, []string{endpoint, "OTEL_SDK_DISABLED=true"}, false, ""},
		{nil, []string{metrics, "OTEL_SDK_DISABLED=TRUE"}, false, ""},
		{nil, []string{endpoint, "OTEL_SDK_DISABLED=false"}, true, ""},
		{nil, []string{endpoint, "OTEL_SDK_DISABLED=1"}, true, `OTEL_SDK_DISABLED: "1" is neither true nor false and is treated as false`},
		{nil, []string{endpoint, "OTEL_METRICS_EXPORTER=none"}, false, ""},
		{nil, []string{metrics, "OTEL_METRICS_EXPORTER=prometheus, console"}, false, ""},
		{nil, []string{endpoint, "OTEL_METRICS_EXPORTER=prometheus, otlp"}, true, ""},
		{nil, []string{endpoint, "OTEL_METRICS_EXPORTER= , "}, true, ""},
		{nil, []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"` + protocol},
		{nil, []string{endpoint, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json"}, false, `OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json"` + protocol},
		{nil, []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf"}, true, ""},
		// An endpoint for gRPC needs no scheme.
		{nil, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=a:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"` + protocol},
		{nil, []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_SDK_DISABLED=true"}, false, ""},
		{nil, []string{"OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, ""}, // nothing asks for a push

		{own, []string{"OTEL_SDK_DISABLED=true"}, true, "OTEL_SDK_DISABLED=true" + notOff + "--otlp.endpoint configures"},
		{own, []string{endpoint, "OTEL_METRICS_EXPORTER=none"}, true, "OTEL_METRICS_EXPORTER=none" + notOff + "--otlp.endpoint configures"},
		{nil, []string{"BETANET_EXPORTER_OTLP_ENDPOINT=http://own", "OTEL_METRICS_EXPORTER=console"}, true, "OTEL_METRICS_EXPORTER=console" + notOff + "BETANET_EXPORTER_OTLP_ENDPOINT configures"},
		{own, []string{"OTEL_METRICS_EXPORTER=otlp"}, true, ""},
	} {
		got, err := load(c.args, c.env...)
		if err != nil {
			t.Errorf("%q %q: %v", c.args, c.env, err)
			continue
		}
		var want []string
		if c.warning != "" {
			want = []string{c.warning}
		}
		if pushes := got.OTLP.Endpoint != nil; pushes != c.pushes || !slices.Equal(got.Warnings(), want) {
			t.Errorf("%q %q: got a push %v, warnings %q, want %v, %q", c.args, c.env, pushes, got.Warnings(), c.pushes, want)
		}
	}
}

func TestAnUnsupportedProtocolIsAnErrorWithAnOwnEndpoint(t *testing.T) {
	for _, env := range [][]string{
		{"BETANET_EXPORTER_OTLP_ENDPOINT=http://own", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
		{"BETANET_EXPORTER_OTLP_ENDPOINT=http://own", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_SDK_DISABLED=true"},
	} {
		if _, err := load(nil, env...); err == nil || err.Error() != `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not valid, use http/protobuf` {
			t.Errorf("%q: got %v, want an error", env, err)
		}
	}
}
