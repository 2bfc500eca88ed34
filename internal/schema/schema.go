// Package schema describes YAML files. One declarative schema of a file checks
// it, makes what can be decoded of it, and is published as JSON Schema.
//
// All errors are found at once, each with file, key path, line and what is
// accepted. No value below a secret key is ever shown.
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

// Kind is the kind of a value.
type Kind int

// The kinds. All but the last four are single values.
const (
	Text     Kind = iota // as it is written, quoted or not
	Boolean              // true or false, without quotes
	Flag                 // true, false, 1 or 0, quoted or not, as for a flag
	Integer              // from Min to Max
	Duration             // at least Least
	Path                 // relative to the folder of the file
	File                 // the Path of a file that can be read
	Object               // has only the keys that the schema has
	Map                  // has any keys
	Array
	Any // has any kind
)

// Schema describes a value. The zero value accepts any text.
type Schema struct {
	Kind Kind
	Doc  string // a description for people, in Markdown

	Default string // of a key of an Object
	Name    string // of the definition in JSON Schema; a schema without a name is published where it is used

	Keys  []Key    // of an Object
	Needs []string // keys of an Object of which exactly one is needed

	Elem    *Schema                 // of a Map or an Array
	MapKey  *Schema                 // of the keys of a Map
	Unique  func(elem *Node) string // what two elements of an Array must not share; "" is never shared
	Element string                  // what an Array is empty without; it may be empty without this

	Min, Max int           // of an Integer; Max also limits the elements of an Array
	Least    time.Duration // of a Duration

	Enum    []string       // accepted texts
	Pattern *regexp.Regexp // what a text matches
	Want    string         // what a text that matches is: "a DNS name, use one such as example.com"
	Check   func(text string) error

	// After checks what concerns several values below this one. It also runs
	// after errors, but not for a value that is null or of the wrong kind.
	After func(*Node)

	NotNull string                   // why null is not accepted, where it could be an empty object
	Secret  bool                     // the value and everything below it is never shown in errors
	Hidden  bool                     // the value is not printed either
	Shown   func(text string) string // what is printed of a text

	// NoDefault reports whether the default of a key does not apply to an Object.
	NoDefault func(n *Node, key string) bool
}

// With returns the schema with a description of its own.
func (s *Schema) With(doc string) *Schema {
	own := *s
	own.Doc = doc
	return &own
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

// CheckText reports why a text is not accepted for a single value. The error shows
// the text.
func (s *Schema) CheckText(text string) error { return s.checkText(text, false) }

// checkText shows nothing of a secret text, other than what Check may show.
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

// problem returns what is wrong with a text, "" for nothing.
func (s *Schema) problem(text string) string {
	switch s.Kind {
	case Flag:
		if !slices.Contains([]string{"true", "false", "1", "0"}, text) {
			return "is not accepted, use true or false"
		}
	case Integer:
		if n, err := strconv.Atoi(text); err != nil || n < s.Min || n > s.Max {
			return fmt.Sprintf("is not accepted, use a whole number from %d to %d", s.Min, s.Max)
		}
	case Duration:
		switch d, err := time.ParseDuration(text); {
		case err != nil:
			return "is not a duration, use a number with a unit such as 500ms, 15s or 5m"
		case d < s.Least:
			return "is out of range, use " + s.durations()
		}
	}
	switch {
	case s.Enum != nil && !slices.Contains(s.Enum, text):
		return "is not accepted, use " + OneOf(s.Enum)
	case s.Pattern != nil && !s.Pattern.MatchString(text):
		return "is not " + s.Want
	}
	return ""
}

// durations returns the range of a Duration.
func (s *Schema) durations() string {
	switch s.Least {
	case 0:
		return "0 or more"
	case 1:
		return "more than 0"
	default:
		return "at least " + s.Least.String()
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
