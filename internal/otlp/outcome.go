package otlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/betanet/betanet_exporter/internal/retry"
)

// maxResponse is the maximum number of bytes read from a response. A receiver sends a few
// bytes, or a sentence if it rejects data points.
const maxResponse = 64 << 10

// outcome records how the last request of a push ended: with a status or an error.
type outcome struct {
	status  int
	partial bool          // the receiver rejected some of the data points, or sent a warning
	wait    time.Duration // Retry-After, 0 for none
	err     error         // error of the request, or the reason why a 2xx is not a success
}

// errPartial reports a partial success.
var errPartial = errors.New("the receiver rejected some of the data points, or sent a warning")

// explain returns the reason why a part was not completely delivered, given the SDK's
// error, or nil if it was. It omits the receiver's text, which may repeat a header.
func (o outcome) explain(err error) error {
	switch {
	case errors.Is(o.err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case o.err != nil:
		return o.err
	case o.partial:
		return errPartial
	case err == nil:
		return nil
	case o.status == 0:
		return err // before any request
	default:
		return fmt.Errorf("status %d %s", o.status, http.StatusText(o.status))
	}
}

// readResponse records a response. It returns an error if the status is 2xx but the body
// cannot be read or is not from an OTLP receiver, because a proxy or a login page may send
// 2xx too. The body must be empty, which is an empty message in protobuf and what
// Prometheus sends, or an ExportMetricsServiceResponse in the encoding that Content-Type
// names.
func (o *outcome) readResponse(response *http.Response) error {
	o.status = response.StatusCode
	switch o.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		o.wait, _ = retry.After(response.Header.Get("Retry-After"), response.Header.Get("Date"), time.Now())
		return nil
	}
	if o.status/100 != 2 {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	_ = response.Body.Close()
	response.Body = http.NoBody // the SDK does not need it
	if err != nil {
		return err
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if len(body) == 0 && kind != "text/html" {
		return nil
	}
	var decode func([]byte, proto.Message) error
	switch kind {
	case "application/x-protobuf":
		decode = proto.Unmarshal
	case "application/json":
		decode = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal
	case "":
		return fmt.Errorf("status %d, but the response has no valid content type, want application/x-protobuf: is it the URL of an OTLP receiver?", o.status)
	default:
		return fmt.Errorf("status %d, but the response has content type %.60q, want application/x-protobuf: is it the URL of an OTLP receiver?", o.status, kind)
	}
	message := new(collector.ExportMetricsServiceResponse)
	if len(body) > maxResponse || decode(body, message) != nil {
		return fmt.Errorf("status %d, but the response cannot be decoded as %s: is it the URL of an OTLP receiver?", o.status, kind)
	}
	if p := message.GetPartialSuccess(); p.GetRejectedDataPoints() != 0 || p.GetErrorMessage() != "" {
		o.partial = true
	}
	return nil
}
