package app

import "os"

// openFiles divides the files that the process may open, so that upstreams and
// scrapers cannot starve each other.
type openFiles struct {
	upstreams int // connections to upstreams, 0 for no limit
	inbound   int // connections of scrapers
}

// Connections of scrapers, and files that the process itself needs: listeners,
// files that are read again, discovery, the log.
const (
	maxInbound = 512
	ownFiles   = 88
)

// divideOpenFiles divides a limit, 0 for no known limit.
func divideOpenFiles(limit int) openFiles {
	if limit == 0 {
		return openFiles{inbound: maxInbound}
	}
	reserve := min(maxInbound+ownFiles, limit/2)
	return openFiles{upstreams: limit - reserve, inbound: reserve - min(ownFiles, reserve/2)}
}

// openFilesNow returns the number of open files and the limit, 0 for unknown.
func openFilesNow() (open, limit int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, 0 // not on this system
	}
	return len(entries) - 1, openFilesLimit() // without the directory itself
}
