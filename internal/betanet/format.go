package betanet

import "bytes"

// otherFormats lists the first bytes of formats that are often sent instead of JSON. No
// JSON in UTF-8 begins with them. If two prefixes match, the longer one comes first.
var otherFormats = []struct{ prefix, text string }{
	{"\xef\xbb\xbf", "the document begins with a byte order mark, want JSON in UTF-8 without one"},
	{"\xff\xfe\x00\x00", "the document begins with a byte order mark of UTF-32, want JSON in UTF-8"},
	{"\x00\x00\xfe\xff", "the document begins with a byte order mark of UTF-32, want JSON in UTF-8"},
	{"\xff\xfe", "the document begins with a byte order mark of UTF-16, want JSON in UTF-8"},
	{"\xfe\xff", "the document begins with a byte order mark of UTF-16, want JSON in UTF-8"},
	{"\x1f\x8b", "the document looks gzip-compressed, which was neither requested nor declared in Content-Encoding"},
	{"\x28\xb5\x2f\xfd", "the document looks zstd-compressed, which was neither requested nor declared in Content-Encoding"},
	{"\x78\x01", deflated},
	{"\x78\x5e", deflated},
	{"\x78\x9c", deflated},
	{"\x78\xda", deflated},
	{"<", "the document looks like HTML or XML, want JSON"},
}

const deflated = "the document looks deflate-compressed, which was neither requested nor declared in Content-Encoding"

// detectFormat describes the format of a body that is not JSON. It returns "" for an
// unknown format.
func detectFormat(body []byte) string {
	body = bytes.TrimLeft(body, " \t\r\n")
	for _, f := range otherFormats {
		if bytes.HasPrefix(body, []byte(f.prefix)) {
			return f.text
		}
	}
	return ""
}
