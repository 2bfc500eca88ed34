//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sizes is the value of -scale.
type sizes []int

func (s *sizes) String() string { return "" }

// Set parses a list such as 1,100.
func (s *sizes) Set(v string) error {
	*s = nil
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > 50000 {
			return fmt.Errorf("%q is not a number of upstreams from 1 to 50000", part)
		}
		*s = append(*s, n)
	}
	return nil
}

// table has a column for each size. Rows are in the order in which they are first set.
type table struct {
	mu     sync.Mutex
	sizes  []int
	rows   []string
	limits map[string]string
	cells  map[string]map[int]string
}

func newTable(sizes []int) *table {
	return &table{sizes: sizes, limits: make(map[string]string), cells: make(map[string]map[int]string)}
}

// set fills a cell and reports it as progress.
func (t *table) set(size int, what, limit, measured string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cells[what] == nil {
		t.rows, t.limits[what], t.cells[what] = append(t.rows, what), limit, make(map[int]string)
	}
	t.cells[what][size] = fmt.Sprintf(measured, args...)
	progress(size, "%s: %s", what, t.cells[what][size])
}

func (t *table) print() {
	fmt.Print("\n| upstreams |")
	for _, n := range t.sizes {
		fmt.Printf(" %d |", n)
	}
	fmt.Println(" limit at 1000 / 10 000 |\n|---|" + strings.Repeat("---|", len(t.sizes)+1))
	for _, what := range t.rows {
		fmt.Printf("| %s |", what)
		for _, n := range t.sizes {
			fmt.Printf(" %s |", t.cells[what][n])
		}
		fmt.Printf(" %s |\n", t.limits[what])
	}
}

// progress reports what is being measured.
func progress(size int, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %d: %s\n", time.Now().Format(time.TimeOnly), size, fmt.Sprintf(format, args...))
}

// worst returns the longest duration.
func worst(d []time.Duration) time.Duration { return slices.Max(d).Round(100 * time.Microsecond) }
