package main

// options returns the display options of a panel.
func (p *panel) options() object {
	tooltip := object{"mode": "multi", "sort": "desc"}
	legend := object{"calcs": []string{}, "displayMode": "list", "placement": "bottom", "showLegend": true}
	switch p.panelType {
	case timeseries:
		return object{"legend": legend, "tooltip": tooltip}
	case timeline:
		return object{"alignValue": "left", "legend": legend, "mergeValues": true, "rowHeight": 0.8, "showValue": "auto", "tooltip": object{"mode": "single", "sort": "none"}}
	case stat:
		return object{
			"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
			"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}, "textMode": "auto",
		}
	case heatmap:
		return object{
			"calculate": p.calculate, "cellGap": 1, "cellValues": object{"unit": "short"},
			"color":     object{"exponent": 0.5, "fill": "dark-orange", "mode": "scheme", "reverse": false, "scale": "exponential", "scheme": "Oranges", "steps": 64},
			"exemplars": object{"color": "rgba(255,0,255,0.7)"}, "filterValues": object{"le": 1e-9}, "legend": object{"show": true},
			"rowsFrame": object{"layout": "auto"}, "tooltip": object{"mode": "single", "show": true, "yHistogram": false},
			"yAxis": object{"axisPlacement": "left", "reverse": false, "unit": p.unit},
		}
	default:
		return object{
			"cellHeight": "sm", "footer": object{"countRows": false, "enablePagination": true, "fields": "", "reducer": []string{"sum"}, "show": false},
			"showHeader": true, "sortBy": []object{{"desc": p.descending, "displayName": p.sortBy}},
		}
	}
}

// transformations merges the results of all queries into one table: rows with the same
// labels become one, and value columns get their titles. Grafana names the column of a
// single query Value.
func (p *panel) transformations() []object {
	hide, titles := object{"Time": true}, object{}
	for i, t := range p.targets {
		column := "Value #" + refID(i)
		if len(p.targets) == 1 {
			column = "Value"
		}
		if t.legend == "" {
			hide[column] = true
		} else {
			titles[column] = t.legend
		}
	}
	return []object{
		{"id": "merge", "options": object{}},
		{"id": "organize", "options": object{"excludeByName": hide, "indexByName": object{}, "renameByName": titles}},
	}
}
