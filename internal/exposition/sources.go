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
func (s *Self) Discovered(source string, state Discovery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources[source] = state
}

// Undiscovered forgets a source that is no longer configured.
func (s *Self) Undiscovered(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sources, source)
}

// Sources returns the state of each source of discovery, by name.
func (s *Self) Sources() map[string]Discovery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.sources)
}

// DiscoveryTried reports whether every source of discovery was tried once.
func (s *Self) DiscoveryTried() bool {
	return !s.anySource(func(d Discovery) bool { return !d.Tried })
}

func (s *Self) anySource(is func(Discovery) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.sources {
		if is(d) {
			return true
		}
	}
	return false
}

// ofSources returns what writes a sample of each source of discovery, by name.
func ofSources(write func(w *lines, source string, d Discovery)) func(*Self, *lines) {
	return func(s *Self, w *lines) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(s.sources)) {
			write(w, label("source", name), s.sources[name])
		}
	}
}
