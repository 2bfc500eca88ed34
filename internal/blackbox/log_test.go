package blackbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// forged is a text that imitates a log line, colours a terminal and reverses its text. It has no newline, because most
// places where it is inserted end at one.
const forged = "x\rtime=2026-01-01T00:00:00Z level=ERROR msg=\"forged\" \x1b[31m\x1b]0;forged\x07\x7f\u202e\u2028\u00a0\u0085\xff\" }, forged"

// forgeries are responses with the forged text in every possible place, with a newline where possible.
func forgeries() []faultCase {
	line := forged + "\nlevel=ERROR msg=forged\n"
	inJSON, err := json.Marshal(strings.ToValidUTF8(line, ""))
	if err != nil {
		panic(err)
	}
	text := string(inJSON)
	return assignPaths([]faultCase{
		{name: "status", fault: raw(func(string) string { return "HTTP/1.1 500 " + forged + "\r\nContent-Length: 0\r\n\r\n" })},
		{name: "status code", fault: raw(func(string) string { return "HTTP/1.1 " + forged + "\r\n\r\n" })},
		{name: "not HTTP", fault: raw(func(string) string { return line })},
		{name: "header line", fault: withHeader(forged)},
		{name: "header value", fault: withHeader("X-Any: " + forged)},
		{name: "Content-Type", fault: typed("Content-Type: " + strings.ReplaceAll(forged, "\r", ""))},
		{name: "charset", fault: typed("Content-Type: application/json; charset=\"" + strings.ReplaceAll(forged, "\r", "") + "\"")},
		{name: "Content-Encoding", fault: typed(fake.JSONType, "Content-Encoding: "+strings.ReplaceAll(forged, "\r", ""))},
		{name: "printable Content-Encoding", fault: typed(fake.JSONType, "Content-Encoding: level=ERROR msg=forged")},
		{name: "Transfer-Encoding", fault: withHeader("Transfer-Encoding: level=ERROR msg=forged")},
		{name: "Content-Length", fault: withHeader("Content-Length: level=ERROR msg=forged")},
		{name: "Retry-After", fault: status(429, "Retry-After: level=ERROR msg=forged")},
		{name: "Location", fault: status(302, "Location: http://forged/\" level=ERROR msg=forged")},
		{name: "challenge", fault: status(401, "WWW-Authenticate: level=ERROR msg=forged")},
		{name: "chunk size", fault: chunked(func(string) string { return line + "\r\n" })},
		{name: "unsolicited", fault: func(d string) fake.Behaviour {
			return fake.Split(healthyResponse(d), 20*time.Millisecond, []byte(line))
		}},
		{name: "body", fault: fixed(line)},
		{name: "string instead of a document", fault: fixed(text)},
		{name: "string instead of a number", path: fake.Metrics, fault: fixed(`{"packets_processed":` + text + `,"packets_dropped":1}`)},
		{name: "key", fault: edited(func(d string) string { return "{" + text + ":1," + text + ":1," + d[1:] })},
		{name: "error page", fault: always(fake.Status(500, line))},
		{name: "number of 1000 digits", path: fake.Metrics, fault: fixed(`{"packets_processed":` + strings.Repeat("1", 1000) + `,"packets_dropped":1}`)},
	})
}

func TestAnUpstreamCannotForgeLogLinesOrLabels(t *testing.T) {
	t.Parallel()
	for format, check := range map[string]func(string) error{"logfmt": checkLogfmt, "json": checkJSON} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			if format != "logfmt" {
				skipUnlessWholeSuite(t)
			}
			var servers []*fake.Server
			var urls []string
			cases := forgeries()
			for _, r := range cases {
				server := start(t)
				server.Set(r.path, r.fault(fake.Document(r.path, documentFaulty)))
				servers, urls = append(servers, server), append(urls, server.URL())
			}
			duplicate := startMixnodes(t)
			id, _ := json.Marshal(strings.ToValidUTF8(forged, ""))
			node := fmt.Sprintf(`{"id":%s,"status":%s,"packets_processed":1,"uptime_seconds":1}`, id, id)
			duplicate.Set(fake.Mixnodes, fake.JSON("["+node+","+node+"]"))
			servers, urls = append(servers, duplicate), append(urls, duplicate.URL())

			p := watch(t, append([]string{"--log.format=" + format}, patientFlags...), urls...)
			p.await(t, "", func(e exposition) error {
				var all []error
				for _, server := range servers[:len(cases)] {
					all = append(all, counted("cycles of "+server.Addr(), server.Requests(fake.Metrics), watchedCycles))
				}
				for key := range e.values {
					if strings.Contains(key, "forged") {
						t.Errorf("a label contains text from an upstream: %s", key)
					}
				}
				return errors.Join(all...)
			})
			lines := p.log.Lines()
			for _, line := range lines {
				if err := check(line); err != nil {
					t.Errorf("%v in the line\n%q", err, line)
				}
			}
			if len(lines) < len(cases) {
				t.Errorf("got %d lines, want at least one for each of %d upstreams", len(lines), len(cases))
			}
			for _, path := range []string{"/metrics", "/", "/health/details", "/api/v1/status", "/upstream/" + duplicate.Addr()} {
				if body := p.page(t, path); !utf8.Valid(body) || strings.ContainsAny(string(body), "\x1b\x07\x7f\x00\r") {
					t.Errorf("%s has control characters", path)
				}
			}
		})
	}
}

// attribute matches one attribute in logfmt.
var attribute = regexp.MustCompile(`^([a-z_0-9]+)=("(?:[^"\\]|\\.)*"|[^ "=]*)(?: |$)`)

// logKeys lists the keys that a log line may have.
var logKeys = map[string]bool{
	"endpoints": true, "new": true, "gone": true, "changes": true, "discovery": true, "rejected": true, "note": true,
	"stale": true, "down": true, "messages_per_second": true, "bytes_per_second": true,
	"time": true, "level": true, "source": true, "msg": true, "upstream": true, "endpoint": true, "replica": true, "reason": true, "err": true,
	"age": true, "until": true, "after": true, "took": true, "nodes": true, "connections": true, "throughput": true, "latency": true,
	"count": true, "from": true, "to": true, "address": true, "version": true, "upstreams": true, "metrics": true, "status": true,
	"http2": true, "client": true, "added": true, "removed": true, "open_files": true, "lines": true,
}

func checkLogfmt(line string) error {
	if err := checkPrintable(line); err != nil {
		return err
	}
	seen := map[string]bool{}
	for rest := line; rest != ""; {
		found := attribute.FindStringSubmatch(rest)
		if found == nil {
			return fmt.Errorf("not logfmt: %q", rest)
		}
		if key := found[1]; !logKeys[key] || seen[key] {
			return fmt.Errorf("the key %q is unknown or duplicate", key)
		}
		seen[found[1]] = true
		rest = rest[len(found[0]):]
	}
	if !seen["time"] || !seen["level"] || !seen["msg"] {
		return errors.New("time, level or msg is missing")
	}
	return nil
}

func checkJSON(line string) error {
	if err := checkPrintable(line); err != nil {
		return err
	}
	var attributes map[string]any
	if err := json.Unmarshal([]byte(line), &attributes); err != nil {
		return err
	}
	for key, value := range attributes {
		if text, ok := value.(string); ok && checkPrintable(text) != nil {
			return fmt.Errorf("%s: %w", key, checkPrintable(text))
		}
		if !logKeys[key] {
			return fmt.Errorf("the key %q is unknown", key)
		}
	}
	return nil
}

// checkPrintable returns an error if a terminal would not print s unchanged.
func checkPrintable(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("bad UTF-8")
	}
	for _, r := range s {
		if !unicode.IsGraphic(r) {
			return fmt.Errorf("the character %U", r)
		}
	}
	return nil
}

// TestAnUpstreamCannotForgeErrorsOfCollect uses the same upstreams with a command that users run in a terminal.
func TestAnUpstreamCannotForgeErrorsOfCollect(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	for _, r := range forgeries() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			server.Set(r.path, r.fault(fake.Document(r.path, documentFaulty)))
			out, errs, _ := run(t, nil, "collect", "--retry.attempts=1", server.URL())
			for _, line := range strings.Split(strings.TrimSuffix(errs, "\n"), "\n") {
				if line == "" {
					continue
				}
				if err := checkPrintable(line); err != nil || !strings.HasPrefix(line, "betanet_exporter: ") && !strings.HasPrefix(line, "time=") {
					t.Errorf("standard error: got the line %q (%v), want printable text after a known prefix", line, err)
				}
			}
			if strings.Contains(out, "forged") {
				t.Errorf("standard output: got text from the upstream, want none:\n%s", out)
			}
		})
	}
}
