package config

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// shape is what may stand at a place below http_client. It comes from the type
// that Prometheus decodes it into, so that the two cannot differ.
type shape struct {
	kind    shapeKind
	fields  map[string]*shape // of a record
	elem    *shape            // of a dict or list
	header  bool              // a dict whose keys are names of headers
	schemes []string          // of a URL
	secret  bool              // a single value that is never shown
}

type shapeKind int

const (
	record shapeKind = iota // a mapping with fixed keys
	dict                    // a mapping with any keys
	list
	anything // of any kind, never shown
	scalar
	truth
	tlsVersion
	webURL
	file // a path
)

var httpShape = shapeOf(reflect.TypeFor[betanet.HTTPConfig](), "")

// shapeOf is the shape of values of a type that stand under a key.
func shapeOf(t reflect.Type, key string) *shape {
	switch {
	case t.Kind() == reflect.Pointer:
		return shapeOf(t.Elem(), key)
	case t == reflect.TypeFor[promconfig.Secret]():
		return &shape{kind: scalar, secret: true}
	case t == reflect.TypeFor[promconfig.TLSVersion]():
		return &shape{kind: tlsVersion}
	case t == reflect.TypeFor[promconfig.URL]():
		return &shape{kind: webURL, schemes: []string{"http", "https", "socks5", "socks5h"}}
	case key == "token_url":
		return &shape{kind: webURL, schemes: []string{"http", "https"}}
	case strings.HasSuffix(key, "_file"), key == "files" && t.Kind() == reflect.String:
		return &shape{kind: file}
	}
	switch t.Kind() {
	case reflect.Bool:
		return &shape{kind: truth}
	case reflect.Slice:
		return &shape{kind: list, elem: shapeOf(t.Elem(), key)}
	case reflect.Map:
		return &shape{kind: dict, elem: shapeOf(t.Elem(), key), header: strings.HasSuffix(key, "_headers") || strings.HasSuffix(key, "_header")}
	case reflect.Interface:
		return &shape{kind: anything}
	case reflect.Struct:
		s := &shape{kind: record, fields: make(map[string]*shape)}
		return s.addFields(t, key)
	default:
		// Headers and parameters often are credentials.
		return &shape{kind: scalar, secret: key == "values" || key == "endpoint_params"}
	}
}

// addFields adds the fields of a struct that YAML knows. References to a secret
// manager are left out: there is none.
func (s *shape) addFields(t reflect.Type, key string) *shape {
	for i := range t.NumField() {
		f := t.Field(i)
		name, flags, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case flags == "inline" && f.Type.Kind() == reflect.Map:
			return shapeOf(f.Type, key)
		case flags == "inline":
			s.addFields(f.Type, key)
		case name != "" && !strings.HasSuffix(name, "_ref"):
			s.fields[name] = shapeOf(f.Type, name)
		}
	}
	return s
}

var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// isToken reports whether a text can be the name of a header.
func isToken(text string) bool { return token.MatchString(text) }

const hidden = "<secret>"

// printHTTP is a checked value below http_client in one line of YAML, without
// secrets.
func (s *source) printHTTP(p *place, want *shape) string {
	switch {
	case want.kind == anything || want.secret:
		return hidden
	case p.node.Kind == yaml.MappingNode:
		var all []string
		for _, e := range p.entries() {
			elem := want.elem
			if want.kind == record {
				elem = want.fields[e.key]
			}
			all = append(all, quote(e.key)+": "+s.printHTTP(e, elem))
		}
		return "{" + strings.Join(all, ", ") + "}"
	case p.node.Kind == yaml.SequenceNode:
		var all []string
		for _, e := range p.items() {
			all = append(all, s.printHTTP(e, want.elem))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case want.kind == list: // nothing, as below
		return "[]"
	case want.kind == record, want.kind == dict:
		return "{}"
	case want.kind == webURL:
		return quote(withoutUser(p.node.Value))
	case want.kind == file:
		return quote(promconfig.JoinDir(s.dir, p.node.Value))
	case want.kind == truth:
		return p.node.Value
	default:
		return quote(p.node.Value)
	}
}

var userInfo = regexp.MustCompile(`//.*@`)

// withoutUser is a URL without what may be credentials in it.
func withoutUser(text string) string { return userInfo.ReplaceAllString(text, "//"+hidden+"@") }

var plainText = regexp.MustCompile(`^[A-Za-z/_.][A-Za-z0-9_./*+-]*(:[0-9]+)?$`)

// quote is a text as a YAML value, in quotes where it could be taken for
// something else.
func quote(text string) string {
	if out, err := yaml.Marshal(text); err != nil || string(out) != text+"\n" || !plainText.MatchString(text) {
		return strconv.Quote(text)
	}
	return text
}
