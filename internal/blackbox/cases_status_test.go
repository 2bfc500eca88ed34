package blackbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Faults of the status code. Each response has a valid document if it may have a body.

func status(code int, header ...string) func(string) fake.Behaviour {
	return func(document string) fake.Behaviour { return fake.Status(code, document, header...) }
}

// codes returns a case for each status code.
func codes(reason string, list ...int) []faultCase {
	var cases []faultCase
	for _, code := range list {
		cases = append(cases, faultCase{name: fmt.Sprintf("status %03d", code), reason: reason, fault: status(code)})
	}
	return cases
}

func retriedStatusCases() []faultCase {
	return slices.Concat(
		codes("http_5xx", 500, 502, 503, 504),
		codes("http_4xx", 408, 425),
		codes("http_429", 429),
		[]faultCase{
			{name: "429 with a negative Retry-After", reason: "http_429", fault: status(429, "Retry-After: -5")},
			{name: "429 with an empty Retry-After", reason: "http_429", fault: status(429, "Retry-After:")},
			{name: "429 with a fractional Retry-After", reason: "http_429", fault: status(429, "Retry-After: 1.5")},
			{name: "503 with a list in Retry-After", reason: "http_5xx", fault: status(503, "Retry-After: 300, 300")},
			{name: "503 with a Retry-After in the past", reason: "http_5xx", fault: status(503, "Retry-After: Tue, 15 Nov 1994 12:45:26 GMT")},
			{name: "503 with an impossible date in Retry-After", reason: "http_5xx", fault: status(503, "Retry-After: Tue, 32 Nov 2094 12:45:26 GMT")},
			{name: "503 with a negative Retry-After of 20 digits", reason: "http_5xx", fault: status(503, "Retry-After: -99999999999999999999")},
			{name: "500 with an endless body", reason: "http_5xx", fault: endless("500 Internal Server Error")},
			{name: "503 that never ends", reason: "http_5xx", fault: always(fake.HangAfter(fake.Response{Status: "503 Service Unavailable", NoLength: true}.Bytes()))},
			{name: "429 with an invalid Retry-After", reason: "http_429", fault: status(429, "Retry-After: soon")},
			{name: "503 with a Retry-After of 0", reason: "http_5xx", fault: status(503, "Retry-After: 0")},
			{name: "500 with a Retry-After, which applies to 429 and 503 only", reason: "http_5xx", fault: status(500, "Retry-After: 300")},
			{name: "408 with a Retry-After, which applies to 429 and 503 only", reason: "http_4xx", fault: status(408, "Retry-After: 300")},
			{name: "503 with a truncated body", reason: "http_5xx", fault: func(d string) fake.Behaviour {
				return fake.CutAfter(fake.Response{Status: "503 Service Unavailable", Header: []string{"Content-Length: 9999"}, Body: d}.Bytes())
			}},
			{name: "502 with a page without Content-Type", reason: "http_5xx", fault: always(fake.Respond(fake.Response{Status: "502 Bad Gateway", Body: "<html>bad gateway</html>"}.Bytes()))},
		})
}

func statusCases() []faultCase {
	return slices.Concat(
		codes("http_5xx", 501, 505, 506, 507, 508, 511, 599),
		codes("http_4xx", 400, 402, 404, 405, 406, 409, 410, 413, 418, 421, 431, 451, 499),
		codes("auth", 401, 403),
		codes("http_status", 101, 201, 202, 203, 204, 205, 206, 207, 226, 299, 600, 700, 999),
		[]faultCase{
			{name: "401 with a challenge", reason: "auth", fault: status(401, `WWW-Authenticate: Basic realm="x"`)},
			{name: "206 with a Content-Range", reason: "http_status", fault: status(206, "Content-Range: bytes 0-9/90")},
			{name: "101 to another protocol", reason: "http_status", fault: status(101, "Connection: Upgrade", "Upgrade: websocket")},
			{name: "404 with an endless body", reason: "http_4xx", fault: endless("404 Not Found")},
			{name: "204 with an endless body", reason: "http_status", fault: endless("204 No Content")},
			{name: "101 with an endless body", reason: "http_status", fault: endless("101 Switching Protocols")},
			{name: "404 with an HTML page", reason: "http_4xx", fault: always(fake.Respond(fake.Response{Status: "404 Not Found", Header: []string{"Content-Type: text/html"}, Body: "<html></html>"}.Bytes()))},
			{name: "503 in the reason phrase", reason: "http_status", fault: func(d string) fake.Behaviour {
				return fake.Respond(fake.Response{Status: "203 503 Service Unavailable", Header: []string{fake.JSONType}, Body: d}.Bytes())
			}},
		})
}

// endless sends a status with a body that never ends.
func endless(status string) func(string) fake.Behaviour {
	return func(string) fake.Behaviour {
		return fake.Endless(fake.Response{Status: status, Header: []string{fake.JSONType}, NoLength: true}.Bytes(), []byte(strings.Repeat(" ", 32<<10)))
	}
}

// redirectCases returns redirects without a Location. TestARedirectReachesNoOtherServer covers redirects with one.
func redirectCases() []faultCase {
	return append(codes("redirect", 300, 301, 302, 303, 304, 305, 306, 307, 308, 399),
		faultCase{name: "302 with an endless body", reason: "redirect", fault: endless("302 Found")})
}
