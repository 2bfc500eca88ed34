package exposition

import (
	"maps"
	"slices"
	"time"
)

// Discovery is the state of a source of discovery.
type Discovery struct {
	Tried       bool // at least once
	Up          bool // everything of it could be read when last tried
	Targets     int  // valid ones in use, duplicates included
	Duplicates  int  // left out because their name is taken
	Rejected    int  // left out because they are not valid
	LastSuccess time.Time
	Err         string // why not everything could be read, empty if it could
}

// Discovered records the state of a source of discovery.
func (m *ExporterMetrics) Discovered(source string, state Discovery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources[source] = state
}

// Undiscovered forgets a source that is no longer configured.
func (m *ExporterMetrics) Undiscovered(source string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sources, source)
}

// Sources returns the state of each source of discovery, by name.
func (m *ExporterMetrics) Sources() map[string]Discovery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.sources)
}

// DiscoveryTried reports whether every source of discovery was tried once.
func (m *ExporterMetrics) DiscoveryTried() bool {
	return !m.anySource(func(d Discovery) bool { return !d.Tried })
}

func (m *ExporterMetrics) anySource(is func(Discovery) bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.sources {
		if is(d) {
			return true
		}
	}
	return false
}

// perSource returns what writes a sample of each source of discovery, by name.
func perSource(write func(w *lines, source string, d Discovery)) func(*ExporterMetrics, *lines) {
	return func(m *ExporterMetrics, w *lines) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(m.sources)) {
			write(w, label("source", name), m.sources[name])
		}
	}
}
