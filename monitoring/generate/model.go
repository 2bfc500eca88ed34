package main

// dashboard is one file. Its uid is also the name of the file and must never change,
// because bookmarks and links contain it.
type dashboard struct {
	uid, title, description string
	variables               []variable // in addition to the data source
	rows                    []row
}

// variable selects values of a label: one, several or All.
type variable struct {
	name, title, query string
	all                string // pattern for All; empty for the values that the query returned
}

// row has panels from left to right, in as many lines as they need.
type row struct {
	title  string
	panels []panel
}

// panel describes a panel. The fields after targets are optional.
type panel struct {
	panelType          panelType
	title, description string
	unit               string
	width, height      int
	targets            []target

	words      []word      // names of values
	thresholds []threshold // colours by value
	floor, top *float64    // limits of the axis
	stacked    bool
	calculate  bool     // a heatmap counts values itself instead of reading a histogram
	alerts     []string // related alerts, linked to their sections of the runbook
	sortBy     string   // column of a table
	descending bool
	drillDown  bool // rows of a table link to the dashboard of the upstream
}

// panelType is a type of panel, by Grafana's name.
type panelType string

const (
	timeseries panelType = "timeseries"
	stat       panelType = "stat"
	table      panelType = "table"
	timeline   panelType = "state-timeline"
	heatmap    panelType = "heatmap"
)

// target is one query of a panel, or one column of a table.
type target struct {
	expr   string
	legend string // title of a column; without it only the labels of the column are shown
	unit   string // if it differs from the panel's
	words  []word
	colour string // if it has a meaning
	dashed bool
}

// word is the name of a value, so that colour is not the only sign of it.
type word struct {
	value  int
	text   string
	colour string
}

// threshold is the lowest value of a colour.
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

func at(v float64) *float64 { return &v }
