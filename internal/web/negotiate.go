package web

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/common/expfmt"
)

// negotiate returns the offered format that a scraper prefers, and sets Vary. It never
// returns a format that the scraper excludes by a weight of 0, even if a range such as
// */* includes it. A scraper that accepts none of the offered formats gets text, as from
// other exporters. If it excludes text, negotiate responds with 406, and ok is false.
func negotiate(w http.ResponseWriter, r *http.Request, offered []expfmt.Format) (format expfmt.Format, ok bool) {
	w.Header().Add("Vary", "Accept")
	clauses := parseAccept(r.Header.Values("Accept"))
	acceptable := slices.DeleteFunc(slices.Clone(offered), func(f expfmt.Format) bool {
		weight, matched := weightOf(clauses, f)
		return matched && weight <= 0
	})
	if !slices.Contains(acceptable, expfmt.FmtText) {
		acceptable = slices.DeleteFunc(acceptable, func(f expfmt.Format) bool {
			_, matched := weightOf(clauses, f)
			return !matched
		})
	}
	if len(acceptable) == 0 {
		writeText(w, http.StatusNotAcceptable, "Accept excludes the text format and names no other available one, use */*, text/plain or application/openmetrics-text.\n")
		return "", false
	}
	var wanted []string
	for _, c := range clauses {
		if c.weight > 0 {
			wanted = append(wanted, c.text)
		}
	}
	return expfmt.NegotiateAccept(http.Header{"Accept": {strings.Join(wanted, ",")}}, acceptable...), true
}

// clause is one media range of an Accept header.
type clause struct {
	text       string
	mediaRange string            // such as text/plain, text/* or */*
	params     map[string]string // without the weight
	weight     float64
}

// parseAccept parses all lines of the header and skips malformed clauses.
func parseAccept(values []string) (clauses []clause) {
	for _, text := range strings.Split(strings.Join(values, ","), ",") {
		mediaRange, params, err := mime.ParseMediaType(text)
		if err != nil {
			continue
		}
		c := clause{text: strings.TrimSpace(text), mediaRange: mediaRange, params: params, weight: 1}
		if q, ok := params["q"]; ok {
			c.weight = parseWeight(q)
			delete(params, "q")
		}
		clauses = append(clauses, c)
	}
	return clauses
}

// parseWeight parses a weight. A malformed weight counts as 1, so that it excludes
// nothing.
func parseWeight(q string) float64 {
	weight, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 1
	}
	return weight
}

// weightOf returns the weight of the most specific clause that matches a format
// (RFC 9110, 12.5.1), and whether any clause matches. A clause without a version
// matches all versions.
func weightOf(clauses []clause, f expfmt.Format) (weight float64, matched bool) {
	mediaType, params, _ := mime.ParseMediaType(string(f))
	best := -1
	for _, c := range clauses {
		rank := c.rank(mediaType, params)
		if rank > best || rank == best && rank >= 0 && c.weight > weight {
			best, weight = rank, c.weight
		}
	}
	return weight, best >= 0
}

// rank returns how specific a clause is for a media type, or -1 if it does not match.
func (c clause) rank(mediaType string, params map[string]string) int {
	major, _, _ := strings.Cut(mediaType, "/")
	rank := 0
	switch c.mediaRange {
	case mediaType:
		rank = 2
	case major + "/*":
		rank = 1
	case "*/*", "*":
	default:
		return -1
	}
	for name, value := range c.params {
		switch {
		case name == "escaping": // not a property of the format
		case !strings.EqualFold(params[name], value):
			return -1
		default:
			rank += 3
		}
	}
	return rank
}

// compressor returns a middleware that compresses large responses with zstd or gzip if
// Accept-Encoding names one of them. If a client excludes uncompressed responses by a
// weight of 0, it compresses all responses, or responds with 406 if it cannot.
func compressor() (func(http.Handler) http.Handler, error) {
	wrapLarge, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(1), gzhttp.EnableZstd(true))
	if err != nil {
		return nil, err
	}
	wrapAll, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(1), gzhttp.EnableZstd(true), gzhttp.MinSize(1))
	if err != nil {
		return nil, err
	}
	return func(h http.Handler) http.Handler {
		compressLarge, compressAll := wrapLarge(h), wrapAll(h)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			accepted, identity := parseAcceptEncoding(r.Header.Values("Accept-Encoding"))
			switch {
			case identity:
				compressLarge(w, withAcceptEncoding(r, accepted))
			case accepted != "":
				compressAll(w, withAcceptEncoding(r, accepted))
			default:
				w.Header().Add("Vary", "Accept-Encoding")
				writeText(w, http.StatusNotAcceptable, "Accept-Encoding excludes every available coding, use gzip, zstd or identity.\n")
			}
		})
	}, nil
}

// withAcceptEncoding returns r, or a copy of it, with the given Accept-Encoding.
func withAcceptEncoding(r *http.Request, codings string) *http.Request {
	if r.Header.Get("Accept-Encoding") == codings {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Encoding", codings)
	return r
}

// parseAcceptEncoding parses all lines of the header. accepted lists the supported
// codings that the header names, with their weights; identity reports whether an
// uncompressed response is acceptable. A * selects a coding only if nothing else is
// acceptable, because clients name the codings that they can decode.
func parseAcceptEncoding(values []string) (accepted string, identity bool) {
	weights := make(map[string]float64)
	for _, text := range strings.Split(strings.Join(values, ","), ",") {
		name, params, _ := strings.Cut(text, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q="); ok {
			weight = parseWeight(q)
		}
		weights[strings.ToLower(strings.TrimSpace(name))] = weight
	}
	wildcard, hasWildcard := weights["*"]
	plain, hasIdentity := weights["identity"]
	identity = hasIdentity && plain > 0 || !hasIdentity && (!hasWildcard || wildcard > 0)
	var list []string
	for _, name := range []string{"gzip", "zstd"} {
		weight, named := weights[name]
		if !named && !identity && len(list) == 0 {
			weight = wildcard
		}
		if weight > 0 {
			list = append(list, name+";q="+strconv.FormatFloat(weight, 'f', -1, 64))
		}
	}
	return strings.Join(list, ","), identity
}
