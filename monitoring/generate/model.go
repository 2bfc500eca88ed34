package main

// A dashboard is written to one file, named after its uid. The uid must never change,
// because bookmarks and links contain it.
type dashboard struct {
	uid, title, description string
	variables               []variable // in addition to the data source
	rows                    []row
}

// A variable selects values of a label: one, several or All.
type variable struct {
	name, title, query string
	all                string // pattern for All; empty for the values that the query returned
}

// A row has panels from left to right, on as many lines as they need.
type row struct {
	title  string
	panels []panel
}

// A panel is one graph or table. The fields after targets are optional.
type panel struct {
	panelType          panelType
	title, description string
	unit               string
	width, height      int
	targets            []target

	mappings   []mapping   // texts for values
	thresholds []threshold // colours by value
	min, max   *float64    // limits of the axis
	stacked    bool
	calculate  bool     // a heatmap counts values itself instead of reading a histogram
	alerts     []string // related alerts, linked to their sections of the runbook
	sortBy     string   // column of a table
	descending bool
	drillDown  bool // rows of a table link to the dashboard of the upstream
}

// panelType is the type of a panel, as Grafana names it.
type panelType string

const (
	timeseries panelType = "timeseries"
	stat       panelType = "stat"
	table      panelType = "table"
	timeline   panelType = "state-timeline"
	heatmap    panelType = "heatmap"
)

// A target is one query of a panel, or one column of a table.
type target struct {
	expr     string
	legend   string // title of a column; if empty, the column is hidden and only its labels are shown
	unit     string // if it differs from the panel's
	mappings []mapping
	colour   string // only if it has a meaning
	dashed   bool
}

// A mapping is the text for a value, so that values differ not only by colour.
type mapping struct {
	value  int
	text   string
	colour string
}

// A threshold is the lowest value that has a colour.
type threshold struct {
	from   float64
	colour string
}

const (
	good    = "green"
	poor    = "yellow"
	bad     = "red"
	neutral = "blue"
	unknown = "text"
)

// Thresholds shared by panels: the thresholds of the alerts, and an early warning.
var (
	lossThresholds    = []threshold{{0, good}, {0.01, poor}, {0.05, bad}}
	latencyThresholds = []threshold{{0, good}, {0.5, poor}, {1, bad}}
	peerThresholds    = []threshold{{0, bad}, {3, good}}
)

func ptr(v float64) *float64 { return &v }
