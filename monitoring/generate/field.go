package main

import "strconv"

// defaults returns the settings that apply to all values of a panel.
func (p *panel) defaults() object {
	d := object{
		"color": object{"mode": p.colours()}, "custom": p.custom(), "mappings": valueMappings(p.mappings),
		"thresholds": object{"mode": "absolute", "steps": steps(p.thresholds)}, "unit": p.unit,
	}
	if p.min != nil {
		d["min"] = *p.min
	}
	if p.max != nil {
		d["max"] = *p.max
	}
	return d
}

// colours returns Grafana's colour mode: a palette with one colour per line, or the colour
// of the mapping or threshold of a value.
func (p *panel) colours() string {
	if p.panelType == timeseries {
		return "palette-classic"
	}
	return "thresholds"
}

// custom returns the settings that are specific to the type of the panel.
func (p *panel) custom() object {
	hidden := object{"legend": false, "tooltip": false, "viz": false}
	switch p.panelType {
	case timeseries:
		stacking, fill, limits := "none", 10, "off"
		if p.stacked {
			stacking, fill = "normal", 40
		}
		if p.thresholds != nil {
			limits = "dashed"
		}
		return object{
			"drawStyle": "line", "fillOpacity": fill, "hideFrom": hidden, "lineInterpolation": "linear", "lineWidth": 1,
			"showPoints": "auto", "spanNulls": false, "stacking": object{"group": "A", "mode": stacking}, "thresholdsStyle": object{"mode": limits},
		}
	case timeline:
		return object{"fillOpacity": 70, "hideFrom": hidden, "lineWidth": 0, "spanNulls": false}
	case heatmap:
		return object{"hideFrom": hidden, "scaleDistribution": object{"type": "linear"}}
	case table:
		return object{"align": "auto", "cellOptions": object{"type": "auto"}, "filterable": true, "inspect": false}
	default:
		return object{}
	}
}

// valueMappings converts mappings to Grafana's form.
func valueMappings(mappings []mapping) []object {
	all := []object{}
	if mappings == nil {
		return all
	}
	options := object{}
	for i, m := range mappings {
		options[strconv.Itoa(m.value)] = object{"color": m.colour, "index": i, "text": m.text}
	}
	return append(all, object{"type": "value", "options": options})
}

// steps converts thresholds to Grafana's form: the first starts at minus infinity.
func steps(thresholds []threshold) []object {
	if thresholds == nil {
		return []object{{"color": unknown, "value": nil}}
	}
	var all []object
	for i, t := range thresholds {
		step := object{"color": t.colour, "value": t.from}
		if i == 0 {
			step["value"] = nil
		}
		all = append(all, step)
	}
	return all
}

// overrides returns the settings that apply to the values of single targets.
func (p *panel) overrides() []object {
	all := []object{}
	add := func(matcher, options string, properties ...object) {
		if len(properties) > 0 {
			all = append(all, object{"matcher": object{"id": matcher, "options": options}, "properties": properties})
		}
	}
	for i, t := range p.targets {
		if p.panelType == table {
			if t.legend != "" {
				add("byName", t.legend, p.column(t)...)
			}
			continue
		}
		var properties []object
		if t.colour != "" {
			properties = append(properties, property("color", object{"fixedColor": t.colour, "mode": "fixed"}))
		}
		if t.dashed {
			properties = append(properties, property("custom.lineStyle", object{"dash": []int{8, 8}, "fill": "dash"}))
		}
		add("byFrameRefID", refID(i), properties...)
	}
	if p.drillDown {
		add("byName", "upstream", property("links", []object{{"title": "${__value.text}", "url": drillDown}}))
	}
	return all
}

// drillDown is the URL that links a row of a table to the dashboard of its upstream.
const drillDown = "/d/betanet-upstream?${datasource:queryparam}&var-job=${__data.fields.job}&var-instance=${__data.fields.instance}" +
	"&var-upstream=${__data.fields.upstream}&${__url_time_range}"

func property(id string, value any) object { return object{"id": id, "value": value} }

// column returns the settings of a column of a table.
func (p *panel) column(t target) (properties []object) {
	if t.unit != "" {
		properties = append(properties, property("unit", t.unit))
	}
	if t.mappings != nil {
		properties = append(properties, property("mappings", valueMappings(t.mappings)))
	}
	if t.mappings != nil || p.thresholds != nil {
		properties = append(properties, property("custom.cellOptions", object{"type": "color-text"}))
	}
	return properties
}
