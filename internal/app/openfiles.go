package app

import "os"

// openFiles is how the files that the process may have open are divided, so
// that neither upstreams nor scrapers can take what the other needs.
type openFiles struct {
	limit     int // 0 where the system has none or does not tell
	upstreams int // connections to upstreams, 0 for no limit
	inbound   int // connections of scrapers
}

// Connections of scrapers, and what the process needs beside them: listeners, files
// that are read again, discovery, the log.
const (
	maxInbound = 512
	ownFiles   = 88
)

func divideOpenFiles(limit int) openFiles {
	if limit == 0 {
		return openFiles{inbound: maxInbound}
	}
	reserve := min(maxInbound+ownFiles, limit/2)
	return openFiles{limit: limit, upstreams: limit - reserve, inbound: reserve - min(ownFiles, reserve/2)}
}

// openFilesNow returns how many files the process has open and how many it may have;
// 0 is not known.
func openFilesNow() (open, limit int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, 0 // not on this system
	}
	return len(entries) - 1, openFilesLimit() // without the one that reads the list
}
