package main

// dashboard is what one file holds. Its uid is the file's name too, and stays for
// ever: bookmarks and links of others are made of it.
type dashboard struct {
	uid, title, description string
	variables               []variable // beside that of the data source
	rows                    []row
}

// variable is a choice of values of a label, one or many or All.
type variable struct {
	name, title, query string
	all                string // what All matches; empty for all the values that the query found
}

// row is panels from left to right, in as many lines as they need.
type row struct {
	title  string
	panels []panel
}

// panel is one picture. The fields after targets are optional.
type panel struct {
	kind               kind
	title, description string
	unit               string
	width, height      int
	targets            []target

	words      []word      // what values are called
	thresholds []threshold // from which value on the colour is another
	floor, top *float64    // limits of the axis
	stacked    bool
	calculate  bool     // a heatmap counts the values of its lines itself, without a histogram
	alerts     []string // that tell of what is wrong here, with their chapters of the runbook
	sortBy     string   // column of a table, what needs a look first
	descending bool
	drillDown  bool // rows of a table lead to the dashboard of the upstream
}

// kind is a type of panel, as Grafana calls it.
type kind string

const (
	timeseries kind = "timeseries"
	stat       kind = "stat"
	table      kind = "table"
	timeline   kind = "state-timeline"
	heatmap    kind = "heatmap"
)

// target is one query of a panel. In a table it is a column.
type target struct {
	expr   string
	legend string // of a column its title; without one the column is not shown, only its labels
	unit   string // where it differs from the panel's
	words  []word
	colour string // where it has a meaning
	dashed bool
}

// word says what a value means, so that nobody has to know it by its colour.
type word struct {
	value  int
	text   string
	colour string
}

// threshold is the least value of a colour.
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

// Thresholds that more than one panel has: those of the alerts, and a first sign.
var (
	lossThresholds    = []threshold{{0, good}, {0.01, poor}, {0.05, bad}}
	latencyThresholds = []threshold{{0, good}, {0.5, poor}, {1, bad}}
	peerThresholds    = []threshold{{0, bad}, {3, good}}
)

func at(v float64) *float64 { return &v }
