package app

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/status"
)

// Limits of a log line.
const (
	maxErrorText = 200 // bytes of an error's text
	maxListed    = 5   // items of a list
)

var (
	// certificateTime matches the current time in an error of crypto/x509.
	certificateTime = regexp.MustCompile(`: current time \S+ is (after|before) \S+`)
	// localAddress matches the exporter's own address in an error of package net.
	localAddress = regexp.MustCompile(`[0-9A-Za-z.:%\[\]]+:[0-9]+->`)
)

// failureText returns the text of a failure without the endpoint, which is an
// attribute of the line, and without addresses and times that differ between
// attempts.
func failureText(f *betanet.Failure, e betanet.Endpoint) string {
	text := strings.TrimPrefix(f.Error(), "fetch "+e.String()+": ")
	var op *net.OpError
	if errors.As(f.Err, &op) && op.Err != nil {
		text = strings.Replace(text, op.Error(), op.Err.Error(), 1)
	}
	return escape(certificateTime.ReplaceAllString(text, ""))
}

// escape makes the text of an error safe for a log line: it escapes unprintable
// characters and truncates a long text between runes.
func escape(text string) string {
	text = status.Truncate(text, maxErrorText, "...")
	var b strings.Builder
	for i, r := range text {
		switch _, size := utf8.DecodeRuneInString(text[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// joinFirst joins the first items of a list and counts the others.
func joinFirst(all []string) string {
	text := strings.Join(all[:min(len(all), maxListed)], ", ")
	if more := len(all) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
