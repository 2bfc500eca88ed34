package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// object is a JSON object. encoding/json sorts its keys, so the output is deterministic.
type object map[string]any

// source is the data source of all panels: the one selected by the variable.
var source = object{"type": "prometheus", "uid": "${datasource}"}

const runbook = "https://github.com/betanet/betanet_exporter/blob/main/docs/runbook.md#"

// render returns the file of a dashboard, for Grafana 10 and later.
func render(d *dashboard) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d.object()); err != nil {
		panic(err) // impossible: it has only strings, numbers and booleans
	}
	return b.Bytes()
}

func (d *dashboard) object() object {
	return object{
		"annotations": object{"list": []any{}}, "description": d.description, "editable": true, "fiscalYearStartMonth": 0,
		"graphTooltip": 1, // a crosshair in all panels
		"id":           nil, "links": d.links(), "liveNow": false, "panels": d.panels(), "refresh": "30s", "schemaVersion": 39,
		"tags": []string{"betanet"}, "templating": object{"list": d.templating()}, "time": object{"from": "now-1h", "to": "now"},
		"timepicker": object{}, "timezone": "", "title": d.title, "uid": d.uid, "version": 1, "weekStart": "",
	}
}

// links returns links to the other dashboards. A dashboard with the same variables gets
// the selection, others only the data source.
func (d *dashboard) links() (all []object) {
	for i := range dashboards {
		other := &dashboards[i]
		if other.uid == d.uid {
			continue
		}
		url, same := "/d/"+other.uid, slices.Equal(other.variables, d.variables)
		if !same {
			url += "?${datasource:queryparam}"
		}
		all = append(all, object{
			"asDropdown": false, "icon": "dashboard", "includeVars": same, "keepTime": true, "tags": []string{}, "targetBlank": false,
			"title": other.title, "tooltip": "", "type": "link", "url": url,
		})
	}
	return all
}

// templating returns the variables. The data source is first because the others query it.
func (d *dashboard) templating() []object {
	all := []object{{
		"current": object{}, "hide": 0, "includeAll": false, "label": "Data source", "multi": false, "name": "datasource", "options": []any{},
		"query": "prometheus", "refresh": 1, "regex": "", "skipUrlSync": false, "type": "datasource",
	}}
	for _, v := range d.variables {
		query := selectors.Replace(v.query)
		choice := object{
			"current": object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}, "datasource": source, "definition": query,
			"hide": 0, "includeAll": true, "label": v.title, "multi": true, "name": v.name, "options": []any{},
			"query":   object{"query": query, "refId": "StandardVariableQuery"},
			"refresh": 2, // when the time range changes
			"regex":   "", "skipUrlSync": false, "sort": 1, "type": "query",
		}
		if v.all != "" {
			choice["allValue"] = v.all
		}
		all = append(all, choice)
	}
	return all
}

const gridColumns = 24

// panels lays out rows and panels, line by line.
func (d *dashboard) panels() (all []object) {
	y, id := 0, 0
	add := func(o object, x, y, width, height int) {
		id++
		o["id"], o["gridPos"] = id, object{"h": height, "w": width, "x": x, "y": y}
		all = append(all, o)
	}
	for _, r := range d.rows {
		add(object{"type": "row", "title": r.title, "collapsed": false, "panels": []any{}}, 0, y, gridColumns, 1)
		y++
		x, tallest := 0, 0
		for i := range r.panels {
			p := &r.panels[i]
			if x+p.width > gridColumns {
				x, y, tallest = 0, y+tallest, 0
			}
			add(p.object(), x, y, p.width, p.height)
			x, tallest = x+p.width, max(tallest, p.height)
		}
		y += tallest
	}
	return all
}

func (p *panel) object() object {
	o := object{
		"datasource": source, "description": p.description, "fieldConfig": object{"defaults": p.defaults(), "overrides": p.overrides()},
		"links": p.links(), "options": p.options(), "targets": p.queries(), "title": p.title, "type": string(p.panelType),
	}
	if p.panelType == table {
		o["transformations"] = p.transformations()
	}
	return o
}

// links returns links to the sections of the runbook about the panel's alerts.
func (p *panel) links() []object {
	all := []object{}
	for _, alert := range p.alerts {
		all = append(all, object{"title": "Runbook: " + alert, "url": runbook + strings.ToLower(alert), "targetBlank": true})
	}
	return all
}

// queries returns the targets. Panels that show only the current values use instant
// queries.
func (p *panel) queries() (all []object) {
	instant := p.panelType == stat || p.panelType == table
	format := map[panelType]string{table: "table", heatmap: "heatmap"}[p.panelType]
	if format == "" || p.calculate {
		format = "time_series"
	}
	for i, t := range p.targets {
		q := object{
			"datasource": source, "editorMode": "code", "expr": selectors.Replace(t.expr), "format": format,
			"instant": instant, "range": !instant, "refId": refID(i),
		}
		if p.panelType != table {
			q["legendFormat"] = t.legend
		}
		all = append(all, q)
	}
	return all
}

// refID returns the letter of a query.
func refID(i int) string { return string(rune('A' + i)) }
