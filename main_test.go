package main

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"betanet_exporter": main})
}

// TestScripts runs the program as its users do: testdata/script has one file for
// each thing they may want to know.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"certificate": certificate,
			"expand":      expand,
			"fetch":       fetch,
			"port":        port,
			"post":        post,
		},
	})
}

// port NAME... sets each variable to a port that is free on loopback, no other
// script has got, and no outgoing connection takes meanwhile: those have ports
// from 32768 on.
func port(ts *testscript.TestScript, neg bool, names []string) {
	for _, name := range names {
		for {
			p := strconv.Itoa(10_000 + rand.IntN(20_000))
			l, err := net.Listen("tcp", "127.0.0.1:"+p)
			if err != nil {
				continue // taken
			}
			ts.Check(l.Close())
			if _, given := ports.LoadOrStore(p, true); !given {
				ts.Setenv(name, p)
				break
			}
		}
	}
}

// ports are those that scripts have got.
var ports sync.Map

// certificate CERT KEY writes a certificate for 127.0.0.1, ::1 and example.com,
// and its key.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: certificate CERT KEY")
	}
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	ts.Check(err)
	for i, block := range []pem.Block{{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, {Type: "PRIVATE KEY", Bytes: key}} {
		ts.Check(os.WriteFile(ts.MkAbs(args[i]), pem.EncodeToMemory(&block), 0o600))
	}
}

// fetch URL TEXT asks until the answer contains the text, at most half a minute,
// and leaves the answer in the file answer. With a ! it asks until the answer
// does not contain it.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: fetch URL TEXT")
	}
	var last string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r, err := http.Get(args[0])
		if err != nil {
			last = err.Error()
			continue
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		ts.Check(err)
		last = string(b)
		if strings.Contains(last, args[1]) != neg {
			ts.Check(os.WriteFile(ts.MkAbs("answer"), b, 0o644))
			return
		}
	}
	ts.Fatalf("%s never answered with %q, at last:\n%s", args[0], args[1], last)
}

// expand FILE [TO] puts the values of variables, written as ${NAME}, into a file.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: expand FILE [TO]")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[len(args)-1]), []byte(text), 0o644))
}

// post URL PATTERN posts once and wants an answer that the pattern matches.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: post URL PATTERN")
	}
	r, err := http.Post(args[0], "", nil)
	ts.Check(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	ts.Check(err)
	if !regexp.MustCompile(args[1]).Match(b) {
		ts.Fatalf("%s answered %q, want %q", args[0], b, args[1])
	}
}
