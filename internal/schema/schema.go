// Package schema checks YAML files against a declarative schema, decodes and prints
// their values, and publishes the schema as JSON Schema.
//
// All errors of a file are reported at once, each with file, key path, line and accepted
// values. Errors never show a value below a secret key.
package schema

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Type is the type of a value.
type Type int

// The types. All except the last four are single values.
const (
	Text     Type = iota // as written, quoted or not
	Boolean              // true or false, without quotes
	Flag                 // true, false, 1 or 0, quoted or not, as on the command line
	Integer              // from Min to Max
	Duration             // at least MinDuration
	Path                 // path, relative to the directory of the file
	File                 // Path of a readable file
	Object               // mapping with only the keys in Keys
	Map                  // mapping with any keys
	Array
	Any // a value of any type
)

// Schema describes a value. The zero value accepts any text.
type Schema struct {
	Type Type
	Doc  string // description in Markdown

	Default string // default of a key of an Object
	Name    string // name of the definition in JSON Schema; "" to inline the schema

	Keys         []Key    // of an Object
	ExactlyOneOf []string // keys of an Object exactly one of which must be set; null is then invalid

	Elem       *Schema                 // of a Map or an Array
	MapKey     *Schema                 // of the keys of a Map
	Unique     func(elem *Node) string // no two elements of an Array may have the same result, except ""
	AtLeastOne string                  // noun for an element, such as "URL", of an Array that must not be empty

	Min, Max    int           // of an Integer; Max also limits the elements of an Array
	MinDuration time.Duration // of a Duration

	Enum    []string       // accepted texts
	Pattern *regexp.Regexp // accepted texts match it
	Want    string         // description of Pattern for errors: "a DNS name, use one such as example.com"
	Check   func(text string) error

	// After checks the values below an Object, Map or Array against each other, and may
	// set Node.Value. It also runs if they have errors, but not if the value is null or of
	// the wrong type.
	After func(*Node)

	Secret bool                     // errors never show the value or anything below it
	Hidden bool                     // the value is printed as Redacted
	Shown  func(text string) string // returns the text to print; nil prints the value as it is

	// NoDefault reports whether the default of a key does not apply to this Object. It may
	// be nil.
	NoDefault func(n *Node, key string) bool
}

// With returns a copy of the schema with another description.
func (s *Schema) With(doc string) *Schema {
	c := *s
	c.Doc = doc
	return &c
}

// Key is a key of an Object.
type Key struct {
	Name string
	*Schema
}

// Key returns the schema of a key, or nil if there is none.
func (s *Schema) Key(name string) *Schema {
	for i := range s.Keys {
		if s.Keys[i].Name == name {
			return s.Keys[i].Schema
		}
	}
	return nil
}

// names returns the keys of an Object in alphabetical order.
func (s *Schema) names() []string {
	all := make([]string, len(s.Keys))
	for i := range s.Keys {
		all[i] = s.Keys[i].Name
	}
	slices.Sort(all)
	return all
}

// CheckText returns an error if the text of a single value is not valid. Except for an
// error of Check, the error quotes the text.
func (s *Schema) CheckText(text string) error { return s.checkText(text, false) }

// checkText is like CheckText, but its errors do not quote the text if it is secret. The
// Check of a secret must not quote the text either.
func (s *Schema) checkText(text string, secret bool) error {
	switch problem := s.problem(text); {
	case problem != "" && secret:
		return errors.New(problem)
	case problem != "":
		return fmt.Errorf("%.253q %s", text, problem)
	case s.Check != nil:
		return s.Check(text)
	default:
		return nil
	}
}

// problem describes why a text is not valid. It returns "" for a valid text.
func (s *Schema) problem(text string) string {
	switch s.Type {
	case Flag:
		if !slices.Contains([]string{"true", "false", "1", "0"}, text) {
			return "is not valid, use true or false"
		}
	case Integer:
		if n, err := strconv.Atoi(text); err != nil || n < s.Min || n > s.Max {
			return fmt.Sprintf("is not valid, use a whole number from %d to %d", s.Min, s.Max)
		}
	case Duration:
		switch d, err := time.ParseDuration(text); {
		case err != nil:
			return "is not a valid duration, use a number with a unit such as 500ms, 15s or 5m"
		case d < s.MinDuration:
			return "is out of range, use " + s.durationRange()
		}
	}
	switch {
	case s.Enum != nil && !slices.Contains(s.Enum, text):
		return "is not valid, use " + OneOf(s.Enum)
	case s.Pattern != nil && !s.Pattern.MatchString(text):
		return "is not " + s.Want
	}
	return ""
}

// durationRange describes the accepted range of a Duration.
func (s *Schema) durationRange() string {
	switch s.MinDuration {
	case 0:
		return "0 or more"
	case 1:
		return "more than 0"
	default:
		return "at least " + s.MinDuration.String()
	}
}

// HeaderName matches the name of an HTTP header.
var HeaderName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// OneOf joins texts into a list such as "a, b or c".
func OneOf(texts []string) string {
	last := len(texts) - 1
	if last < 1 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}
