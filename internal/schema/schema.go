// Package schema checks YAML files against a declarative schema, decodes and prints
// their values, and publishes the schema as JSON Schema.
//
// It reports all errors at once, each with file, key path, line and accepted values.
// It never shows a value below a secret key.
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

// The types. All but the last four are single values.
const (
	Text     Type = iota // as written, quoted or not
	Boolean              // true or false, without quotes
	Flag                 // true, false, 1 or 0, quoted or not, as on the command line
	Integer              // from Min to Max
	Duration             // at least Least
	Path                 // relative to the folder of the file
	File                 // Path of a readable file
	Object               // has the keys of the schema only
	Map                  // has any keys
	Array
	Any // a value of any type
)

// Schema describes a value. The zero value accepts any text.
type Schema struct {
	Type Type
	Doc  string // description in Markdown

	Default string // of a key of an Object
	Name    string // of the definition in JSON Schema; "" to inline the schema where it is used

	Keys         []Key    // of an Object
	ExactlyOneOf []string // keys of an Object of which exactly one must be set; null is not valid then

	Elem     *Schema                 // of a Map or an Array
	MapKey   *Schema                 // of the keys of a Map
	Unique   func(elem *Node) string // two elements of an Array must not have the same result, except ""
	NonEmpty string                  // noun for the elements of an Array that must not be empty

	Min, Max    int           // of an Integer; Max also limits the elements of an Array
	MinDuration time.Duration // of a Duration

	Enum    []string       // accepted texts
	Pattern *regexp.Regexp // accepted texts match it
	Want    string         // describes Pattern in errors: "a DNS name, use one such as example.com"
	Check   func(text string) error

	// After checks values below this one against each other. It also runs after
	// errors, but not for a value that is null or of the wrong type.
	After func(*Node)

	Secret bool                     // never show the value or anything below it in errors
	Hidden bool                     // do not print the value either
	Shown  func(text string) string // returns the text to print

	// NoDefault reports whether the default of a key does not apply to an Object.
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

// Key returns the schema of a key, nil if there is none.
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

// CheckText returns an error, which quotes the text, if a single value is not valid.
func (s *Schema) CheckText(text string) error { return s.checkText(text, false) }

// checkText is CheckText, with errors that do not quote a secret text. Check must not
// quote it either.
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

// problem describes why a text is not valid; it returns "" for a valid one.
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

// OneOf returns "a, b or c".
func OneOf(texts []string) string {
	last := len(texts) - 1
	if last < 1 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}
