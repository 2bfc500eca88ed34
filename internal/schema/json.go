package schema

// JSON returns the schema as JSON Schema, draft 7, and the definitions that it refers to,
// by name. The JSON Schema accepts every file that s accepts. It also accepts others,
// because it does not check values against each other.
func (s *Schema) JSON() (root map[string]any, definitions map[string]any) {
	definitions = make(map[string]any)
	return s.json(definitions), definitions
}

// json returns the schema or, if it has a name, a reference to its definition.
func (s *Schema) json(definitions map[string]any) map[string]any {
	if s.Name == "" {
		return s.inline(definitions)
	}
	if definitions[s.Name] == nil {
		shared := *s
		shared.Doc = ""
		definitions[s.Name] = shared.inline(definitions)
	}
	ref := map[string]any{"$ref": "#/definitions/" + s.Name}
	if s.Doc == "" {
		return ref
	}
	return map[string]any{"allOf": []any{ref}, "description": s.Doc} // draft 7 ignores keys next to $ref
}

func (s *Schema) inline(definitions map[string]any) map[string]any {
	out := make(map[string]any)
	s.addType(out, definitions)
	for keyword, text := range map[string]string{"description": s.Doc, "default": s.Default} {
		if text != "" {
			out[keyword] = text
		}
	}
	if s.Enum != nil {
		out["enum"] = s.Enum
	}
	if s.Pattern != nil {
		out["pattern"] = s.Pattern.String()
	}
	return out
}

// goDuration matches the durations that time.ParseDuration accepts.
const goDuration = `^[+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$|^[+-]?0$`

// addType adds the keywords of the type. Null is accepted as an empty object or array.
func (s *Schema) addType(out, definitions map[string]any) {
	switch s.Type {
	case Object:
		s.addObject(out, definitions)
	case Map:
		out["type"], out["additionalProperties"] = []string{"object", "null"}, s.Elem.json(definitions)
		if s.MapKey != nil {
			out["propertyNames"] = s.MapKey.inline(nil)
		}
	case Array:
		out["type"], out["items"] = []string{"array", "null"}, s.Elem.json(definitions)
		if s.AtLeastOne != "" {
			out["type"], out["minItems"] = "array", 1
		}
		if s.Max > 0 {
			out["maxItems"] = s.Max
		}
	case Boolean:
		out["type"] = "boolean"
	case Flag:
		out["enum"] = []any{true, false, "true", "false", 1, 0, "1", "0"}
	case Integer:
		out["type"], out["minimum"], out["maximum"], out["pattern"] = []string{"integer", "string"}, s.Min, s.Max, `^[+-]?[0-9]+$`
	case Duration:
		out["type"], out["pattern"], out["minimum"], out["maximum"] = []string{"string", "integer"}, goDuration, 0, 0
	case Any:
	default:
		out["type"] = []string{"string", "number", "boolean"}
	}
}

// addObject adds the keywords of an Object.
func (s *Schema) addObject(out, definitions map[string]any) {
	properties := make(map[string]any, len(s.Keys))
	for _, k := range s.Keys {
		properties[k.Name] = k.json(definitions)
	}
	out["type"], out["properties"], out["additionalProperties"] = []string{"object", "null"}, properties, false
	switch len(s.ExactlyOneOf) {
	case 0:
	case 1:
		out["type"], out["required"] = "object", s.ExactlyOneOf
	default:
		var one []any
		for _, k := range s.ExactlyOneOf {
			one = append(one, map[string]any{"required": []string{k}})
		}
		out["type"], out["oneOf"] = "object", one
	}
}
