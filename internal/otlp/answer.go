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

// maxAnswer is how much of an answer is read. A receiver's is a few bytes, and a
// sentence where it refused something.
const maxAnswer = 64 << 10

// answer is how the last request of a push ended: with a status or an error.
type answer struct {
	status  int
	partial bool          // the receiver took only some of the data points
	wait    time.Duration // Retry-After of a refusal, 0 for none
	err     error         // what stopped the request, or makes its answer no success
}

// errPartial says that the receiver refused some of the data points.
var errPartial = errors.New("the receiver took a part of the data points")

// explain returns why a part was not delivered, with nothing in it that the
// receiver wrote: its text may repeat a header.
func (a answer) explain(err error) error {
	switch {
	case errors.Is(a.err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case a.err != nil:
		return a.err
	case a.partial:
		return errPartial
	case err == nil:
		return nil
	case a.status == 0:
		return err // before any request
	default:
		return fmt.Errorf("status %d %s", a.status, http.StatusText(a.status))
	}
}

// judge reads a response to a push. A 2xx alone is no success: a proxy or a login
// page answers so too. It is one if the body is empty, which is what an answer
// without anything to say looks like in protobuf and what Prometheus sends, or an
// ExportMetricsServiceResponse in the type that Content-Type names.
func (a *answer) judge(response *http.Response) error {
	a.status = response.StatusCode
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		a.wait, _ = retry.After(response.Header.Get("Retry-After"), response.Header.Get("Date"), time.Now())
		return nil
	}
	if a.status/100 != 2 {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	_ = response.Body.Close()
	response.Body = http.NoBody // all that the SDK has to know is known
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
		return fmt.Errorf("status %d, but the answer has no valid content type, want application/x-protobuf: is the URL that of a receiver?", a.status)
	default:
		return fmt.Errorf("status %d, but the answer has content type %.60q, want application/x-protobuf: is the URL that of a receiver?", a.status, kind)
	}
	message := new(collector.ExportMetricsServiceResponse)
	if len(body) > maxAnswer || decode(body, message) != nil {
		return fmt.Errorf("status %d, but the answer cannot be read as %s: is the URL that of a receiver?", a.status, kind)
	}
	if p := message.GetPartialSuccess(); p.GetRejectedDataPoints() != 0 || p.GetErrorMessage() != "" {
		a.partial = true
	}
	return nil
}
