package betanet

import (
	"strings"
	"testing"
)

// TestInvalidFieldsAreRefused sets every field to invalid values.
func TestInvalidFieldsAreRefused(t *testing.T) {
	for _, f := range knownFields {
		refuse := func(reason Reason, values ...string) {
			for _, value := range values {
				wantRefused(t, f.endpoint, with(f.endpoint, f.name, value), reason)
			}
		}
		refuse(ReasonSchema, "true", "false", "{}", "[]", "[1]", `["a"]`, `{"a":[{}]}`)
		switch f.kind {
		case "string":
			refuse(ReasonSchema, "null", "0", "1.5")
		case "float":
			wantAccepted(t, f.endpoint, with(f.endpoint, f.name, "null"))
			refuse(ReasonSchema, `""`, `"5"`, `"a"`, `"NaN"`)
			refuse(ReasonValue, "-1", "-0.5", "-0.1", "-1e-3", "-1e-400", "-1e300", "1e999", "-1e999", "1.8e308")
		case "uint":
			refuse(ReasonSchema, "null", `""`, `"5"`, `"a"`, `"NaN"`)
			refuse(ReasonValue, "-1", "-0", "-0.0", "1.0", "1.5", "0.0", "1e3", "1E0", "10e-1", "1e999", "-1e999",
				"18446744073709551616", "99999999999999999999999999", "-9223372036854775808")
		}
		if f.optional {
			wantAccepted(t, f.endpoint, with(f.endpoint, f.name, absent))
			continue
		}
		refuse(ReasonSchema, absent)
		for _, name := range []string{strings.ToUpper(f.name), strings.ToUpper(f.name[:1]) + f.name[1:], f.name + " "} {
			wantRefused(t, f.endpoint, document(f.endpoint, map[string]string{f.name: absent, name: f.sample}), ReasonSchema)
		}
	}
}

func TestDuplicateKeysAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint Endpoint
		body     string
	}{
		"same value":            {Metrics, `{"packets_processed":1,"packets_dropped":2,"packets_processed":1}`},
		"at the end":            {Metrics, `{"packets_processed":1,"packets_dropped":2,"packets_dropped":3}`},
		"escaped spelling":      {Metrics, `{"packets_processed":1,"packets_dropped":2,"packets_\u0070rocessed":1}`},
		"escaped spelling, 2":   {Metrics, `{"packets_processed":1,"packets\u005Fdropped":2,"packets_dropped":2}`},
		"unknown key":           {Metrics, `{"packets_processed":1,"x":1,"x":1,"packets_dropped":2}`},
		"inside an unknown key": {Metrics, `{"packets_processed":1,"x":[{"y":1,"y":2}],"packets_dropped":2}`},
		"null first":            {Metrics, `{"packets_processed":null,"packets_processed":1,"packets_dropped":2}`},
		"mixnode":               {Mixnodes, `[{"id":"a","id":"b","status":"active","packets_processed":1,"uptime_seconds":2}]`},
		"optional field":        {Mixnodes, `[{"id":"a","packets_dropped":1,"status":"active","packets_processed":1,"packets_dropped":1,"uptime_seconds":2}]`},
	} {
		t.Run(name, func(t *testing.T) { wantRefused(t, c.endpoint, c.body, ReasonSchema) })
	}
}

func node(id string) string {
	return `{"id":"` + id + `","status":"active","packets_processed":1,"uptime_seconds":2}`
}

func TestDuplicateIDsAreRefused(t *testing.T) {
	for _, ids := range [][]string{{"a", "a"}, {"a", "b", "c", "a"}, {"a", `\u0061`}, {"é", `\u00e9`}} {
		var nodes []string
		for _, id := range ids {
			nodes = append(nodes, node(id))
		}
		wantRefused(t, Mixnodes, "["+strings.Join(nodes, ",")+"]", ReasonSchema)
	}
	wantAccepted(t, Mixnodes, "["+node("a")+","+node("A")+"]")
}

func TestADocumentWithAnInvalidNodeIsRefused(t *testing.T) {
	for _, bad := range []string{"null", "1", `"a"`, "[]", "true", "{}", node("")} {
		for _, body := range []string{"[" + bad + "]", "[" + node("a") + "," + bad + "]", "[" + bad + "," + node("a") + "]"} {
			wantRefused(t, Mixnodes, body, ReasonSchema)
		}
	}
}

func TestADocumentOfAnotherTypeIsRefused(t *testing.T) {
	for _, e := range allEndpoints {
		wrong := []string{"null", "true", "0", "-1", `""`, `"{}"`}
		if e == Mixnodes {
			wrong = append(wrong, "{}", `{"error":"Not Found"}`, node("a"))
		} else {
			wrong = append(wrong, "[]", "["+document(e, nil)+"]", "{}", `{"error":"Not Found"}`)
		}
		for _, body := range wrong {
			wantRefused(t, e, body, ReasonSchema)
		}
	}
}

func TestTheDocumentOfAnotherEndpointIsRefused(t *testing.T) {
	for _, e := range allEndpoints {
		for _, other := range allEndpoints {
			if other != e {
				wantRefused(t, e, document(other, nil), ReasonSchema)
			}
		}
	}
}

func TestTheFirstOfSeveralReasonsIsReported(t *testing.T) {
	wantRefused(t, Metrics, `{"packets_processed":-1}`, ReasonValue)
	wantRefused(t, Metrics, `{"packets_processed":null,"packets_dropped":-1}`, ReasonSchema)
	wantRefused(t, Mixnodes, "["+with(Metrics, "packets_processed", "-1")+",null]", ReasonValue)
}

func TestTheErrorNamesTheField(t *testing.T) {
	for _, f := range knownFields {
		for _, value := range []string{"true", "{}"} {
			_, err := Decode(f.endpoint, []byte(with(f.endpoint, f.name, value)))
			if err == nil || !strings.Contains(err.Error(), f.name) {
				t.Errorf("%v %s = %s: got %v, want an error that names the field", f.endpoint, f.name, value, err)
			}
		}
	}
}

func TestErrorsQuoteTextFromTheUpstream(t *testing.T) {
	nasty := `a\n\u001b[31m\"`
	for _, body := range []string{
		"[" + node(nasty) + "," + node(nasty) + "]",
		`[{"` + nasty + `":1,"` + nasty + `":2}]`,
		`[{"` + nasty + `":nul`,
	} {
		_, err := Decode(Mixnodes, []byte(body))
		if err == nil || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("Decode(%q): got %q, want an error without control characters", body, err)
		}
	}
}

func TestTheErrorNamesTheNode(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"by its id":                     {`[` + node("m1") + `,{"id":"m2","uptime_seconds":"5"}]`, "node m2: uptime_seconds is a string, want a number"},
		"by its id, a field is missing": {`[` + node("m1") + `,{"packets_processed":1,"id":"m2"}]`, "node m2: status is missing"},
		"by its index before its id":    {`[` + node("m1") + `,{"packets_dropped":-1,"id":"m2"}]`, "node 1: packets_dropped is -1, want a whole number from 0 to 18446744073709551615 in plain digits"},
		"by its index without an id":    {`[{"status":"active","packets_processed":1}]`, "node 0: id is missing"},
		"by its index, not an object":   {`[` + node("m1") + `,null]`, "node 1 is null, want an object"},
		"by its index, id not a string": {`[{"id":7}]`, "node 0: id is a number, want a string"},
		"by its index, id null":         {`[{"id":null}]`, "node 0: id is null, want a string"},
		"by its index, id empty":        {`[` + node("") + `]`, "node 0: id has 0 bytes, want 1 to 128"},
		"by its index, id too long":     {`[{"id":"` + strings.Repeat("x", 129) + `","status":1}]`, "node 0: status is a number, want a string"},
		"by its index, duplicate id":    {`[` + node("m1") + `,` + node("m1") + `]`, `node 1: duplicate id "m1"`},
		"an id with white space":        {`[{"id":"a b\n","status":1}]`, `node "a b\n": status is a number, want a string`},
		"an id that is not ASCII":       {`[{"id":"é","status":1}]`, `node "\u00e9": status is a number, want a string`},
		"an id with a quotation mark":   {`[{"id":"\"","status":1}]`, `node "\"": status is a number, want a string`},
		"a null packets_dropped":        {`[{"id":"m2","status":"active","packets_processed":1,"packets_dropped":null}]`, "node m2: packets_dropped is null, want a number"},
	} {
		_, err := Decode(Mixnodes, []byte(c.body))
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}
