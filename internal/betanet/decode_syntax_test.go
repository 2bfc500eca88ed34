package betanet

import (
	"strings"
	"testing"
)

// complexDocument returns a valid document with values of all types. It ends with a
// bracket, so no strict prefix of it is a document.
func complexDocument(e Endpoint) string {
	return document(e, map[string]string{
		"unknown": ` { "é\u00e9\ud83d\ude00\n" : [ -1.5e+3 , true , false , null , [ ] , { } ] } `,
	})
}

func TestTruncatedDocumentsAreInvalidSyntax(t *testing.T) {
	for _, e := range allEndpoints {
		body := complexDocument(e)
		wantAccepted(t, e, body)
		for n := range len(body) {
			wantRefused(t, e, body[:n], ReasonSyntax)
		}
	}
}

func TestTrailingBytesAreInvalidSyntax(t *testing.T) {
	for _, e := range allEndpoints {
		body := document(e, nil)
		for _, tail := range []string{"{}", "[]", "x", "1", ",", "}", "]", "\x00", "null", " \n" + body, "// end", "\ufeff"} {
			wantRefused(t, e, body+tail, ReasonSyntax)
		}
	}
}

func TestInvalidValuesAreInvalidSyntax(t *testing.T) {
	for name, value := range map[string]string{
		"NaN": "NaN", "infinity": "Infinity", "negative infinity": "-Infinity", "nan": "nan",
		"plus sign": "+1", "leading zero": "01", "no digit before the point": ".5", "no digit after the point": "1.",
		"empty exponent": "1e", "hexadecimal": "0x10", "no value": " ", "two values": "1 2", "underscore": "1_000", "only a minus": "-",
		"single quotes": "'a'", "no quotes": "a", "word of another case": "True", "word with a tail": "nulls",
		"control character": "\"a\nb\"", "unknown escape": `"\x41"`, "short escape": `"\u12"`,
		"comma at the end": "[1,]", "comma at the start": "[,1]", "no comma": "[1 2]", "comma in an object": `{"a":1,}`,
		"key that is not a string": "{1:2}", "no colon": `{"a" 1}`, "wrong bracket": "[1}", "comment": "1/*one*/",
		"bad UTF-8": "\"\xff\"", "truncated UTF-8": "\"\xc3\"", "overlong UTF-8": "\"\xc0\xaf\"", "surrogate in UTF-8": "\"\xed\xa0\x80\"",
		"bad UTF-8 in a key": "{\"\xff\":1}", "lone surrogate": `"\ud800"`, "surrogates in the wrong order": `"\ude00\ud83d"`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range allEndpoints {
				wantRefused(t, e, with(e, "unknown", value), ReasonSyntax)
			}
			wantRefused(t, Metrics, with(Metrics, "packets_dropped", value), ReasonSyntax)
			wantRefused(t, Mixnodes, with(Mixnodes, "id", value), ReasonSyntax)
		})
	}
}

func TestOtherFormatsAreInvalidSyntax(t *testing.T) {
	for _, e := range allEndpoints {
		for _, body := range []string{
			"", " \r\n", "\x00", "NaN", "not json", "<html></html>", "\xff\xfe{\x00}\x00", "\x1f\x8b\x08\x00",
			"\ufeff" + document(e, nil), // a byte order mark
			"{'a':1}", "{", "[", "\"", ")]}',\n" + document(e, nil),
		} {
			wantRefused(t, e, body, ReasonSyntax)
		}
	}
}

// nested returns inner, nested in levels of brackets.
func nested(levels int, open, inner, shut string) string {
	return strings.Repeat(open, levels) + inner + strings.Repeat(shut, levels)
}

func TestADocumentHasAtMost32Levels(t *testing.T) {
	for _, e := range allEndpoints {
		outer := 1
		if e == Mixnodes {
			outer = 2
		}
		for _, value := range []func(levels int) string{
			func(n int) string { return nested(n, "[", "", "]") },
			func(n int) string { return nested(n, "[", "1", "]") },
			func(n int) string { return nested(n-1, `{"a":`, "{}", "}") },
		} {
			wantAccepted(t, e, with(e, "unknown", value(32-outer)))
			wantRefused(t, e, with(e, "unknown", value(33-outer)), ReasonSyntax)
			wantRefused(t, e, with(e, "unknown", value(9000)), ReasonSyntax)
		}
	}
}

func TestManyElementsAreNotManyLevels(t *testing.T) {
	wantAccepted(t, Metrics, with(Metrics, "unknown", "["+strings.Repeat("[{}],", 1000)+"0]"))
}

// A truncated document is worth a retry, no matter what else is wrong with it.
func TestInvalidSyntaxTakesPrecedence(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint Endpoint
		body     string
	}{
		"null, then cut":                {Metrics, `{"packets_processed":null,"packets_dropped":1`},
		"wrong type, then cut":          {Metrics, `{"packets_processed":{"a":[]},"packets_dropped":1`},
		"wrong value, then cut":         {Metrics, `{"packets_processed":-1,"packets_dropped":1`},
		"missing, then tail":            {Metrics, `{"packets_processed":1}x`},
		"wrong value, then bad UTF-8":   {Metrics, "{\"packets_processed\":-1,\"packets_dropped\":1,\"a\":\"\xff\"}"},
		"wrong type that is cut":        {Metrics, `{"packets_processed":[1,`},
		"wrong type that is too deep":   {Metrics, with(Metrics, "packets_processed", nested(32, "[", "", "]"))},
		"array, cut":                    {Metrics, `[1,2`},
		"array with a tail":             {Metrics, `[1,2]]`},
		"word with a tail":              {Metrics, `null null`},
		"object, cut":                   {Mixnodes, `{"a":1`},
		"number with a tail":            {Mixnodes, `1 1`},
		"node of wrong type, then cut":  {Mixnodes, `[1,`},
		"node of wrong type, then tail": {Mixnodes, `[null]null`},
		"bad node, then cut node":       {Mixnodes, "[{}," + strings.TrimSuffix(node("a"), "}") + "]"},
		"duplicate id, then cut":        {Mixnodes, "[" + node("a") + "," + node("a")},
		"id too long, then no number":   {Mixnodes, "[" + node(strings.Repeat("x", 129)) + ",NaN]"},
		"missing, then another value":   {Nodes, `{"a":1}{`},
		"duplicate key, then cut":       {Metrics, `{"packets_processed":1,"packets_processed":1,"packets_dropped":`},
		"duplicate key, then tail":      {Metrics, `{"packets_processed":1,"packets_dropped":2,"a":1,"a":2}x`},
	} {
		t.Run(name, func(t *testing.T) { wantRefused(t, c.endpoint, c.body, ReasonSyntax) })
	}
}
