package blackbox

import "testing"

// An upstream does not choose its reason: these answers are no HTTP and hold words of errors of other kinds. Malformed
// HTTP is malformed HTTP, and is retried.
func forgedReasons(words ...string) []row {
	var rows []row
	for _, word := range words {
		rows = append(rows,
			row{name: "status line " + word, reason: "protocol", fault: raw(func(string) string { return word + "x\r\n\r\n" })},
			row{name: "header " + word, reason: "protocol", fault: withHeader(": " + word + "x")})
	}
	return spread(rows)
}

func TestAnUpstreamDoesNotChooseItsReason(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	checkRows(t, chosen(forgedReasons("EOF", "unexpected EOF", "connection reset by peer", "too many open files",
		"context deadline exceeded", "no such host", "i/o timeout", "x509: ")), patient, isRetried)
}

func TestAnUpstreamDoesNotPassForATLSOrOAuth2Failure(t *testing.T) {
	t.Parallel()
	checkRows(t, forgedReasons("tls: ", "oauth2: "), patient, isRetried)
}
