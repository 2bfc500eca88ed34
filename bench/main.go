//go:build linux

// Command bench measures the program as a process, against baselines, a reference and an
// earlier build in the same run. It prints ratios, because times depend on the machine.
//
//	go run ./bench -only small            one upstream, two minutes
//	go run ./bench -only small -long 10m  the same, with memory over ten minutes
//	go run ./bench -only scale            1 to 10 000 upstreams, half an hour
//	go run ./bench                        both
//	go run ./bench -before ./old          both; polling and Prometheus also with an earlier build
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
	"github.com/betanet/betanet_exporter/internal/harness"
)

func main() {
	long := flag.Duration("long", time.Minute, "duration of the memory measurement")
	cpu := flag.Duration("cpu", time.Minute, "duration of the CPU time measurement")
	scrapes := flag.Int("scrapes", 20000, "number of scrapes to time")
	only := flag.String("only", "", "part to run: small or scale, empty for both")
	sizes := sizes{1, 100, 1000, 10000}
	flag.Var(&sizes, "scale", "numbers of upstreams, empty for none (default 1,100,1000,10000)")
	cycles := flag.Int("scale.cycles", 4, "cycles of 15 s over which CPU time at scale is measured")
	parts := flag.String("scale.parts", "", "parts to measure at scale, separated by commas: polling, serving, dead, prometheus; empty for all")
	before := flag.String("before", "", "binary of an earlier build to compare with")
	helper := flag.String("helper", "", "run as a helper process; only for the benchmark itself")
	flag.Parse()
	if *helper != "" {
		err := runHelper(*helper)
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	err := run(*before, *only, func(b *bench) error { return b.small(*long, *cpu, *scrapes) },
		func(b *bench) error { return b.scale(sizes, *cycles, *parts) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// runHelper runs one of the helper processes that the measurements need.
func runHelper(arg string) error {
	name, arg, _ := strings.Cut(arg, "=")
	serve := map[string]func(string) error{"baseline": serveBaseline, "fleet": serveFleet, "pollbaseline": pollBaseline, "reference": serveReference}[name]
	if serve == nil {
		return fmt.Errorf("unknown helper %q", name)
	}
	return serve(arg)
}

func run(before, only string, small, scale func(*bench) error) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, binary: filepath.Join(dir, "betanet_exporter"), before: before}
	os.Setenv("CGO_ENABLED", "0")
	if err := harness.Build(".", b.binary, "-trimpath", "-ldflags=-s -w"); err != nil {
		return err
	}
	switch only {
	case "small":
		return small(b)
	case "scale":
		return scale(b)
	case "":
		return errors.Join(small(b), scale(b))
	}
	return fmt.Errorf("-only %s: want small or scale", only)
}

// small measures an exporter with one upstream.
func (b *bench) small(long, cpu time.Duration, scrapes int) error {
	var err error
	if b.sim, err = fake.Simulate(fake.Options{Addr: "127.0.0.1:0"}); err != nil {
		return err
	}
	defer b.sim.Close()
	fmt.Println("| what | measured | limit |\n|---|---|---|")
	for _, step := range []func() error{
		b.size, b.start,
		func() error { return b.scrape(scrapes, false) },
		func() error { return b.scrape(scrapes, true) },
		b.stampede,
		func() error { return b.cpuTime(cpu) },
		func() error { return b.memory(long) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// bench has the values that the measurements share.
type bench struct {
	dir            string
	binary, before string // before is the binary of an earlier build, or empty
	sim            *fake.Service
}

func printRow(what, measured, limit string, args ...any) {
	fmt.Printf("| %s | %s | %s |\n", what, fmt.Sprintf(measured, args...), limit)
}

func (b *bench) size() error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	printRow("binary, stripped", "%.1f MB", "≤ 20 MB", float64(info.Size())/1e6)
	return nil
}

// start measures the time from the start of the process to upstream data on /metrics.
func (b *bench) start() error {
	var times []time.Duration
	for range 20 {
		p, err := b.exporter()
		if err != nil {
			return err
		}
		err = p.waitFor("betanet_messages_total ", 10*time.Second)
		times = append(times, time.Since(p.began))
		p.stop()
		if err != nil {
			return err
		}
	}
	printRow("start of the process to first upstream data", "median %s, worst of %d %s", "< 0.1 s", quantile(times, 0.5), len(times), quantile(times, 1))
	return nil
}

// cpuTime measures the CPU time used at the default interval.
func (b *bench) cpuTime(d time.Duration) error {
	p, err := b.exporter()
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.waitFor("betanet_messages_total ", 10*time.Second); err != nil {
		return err
	}
	time.Sleep(time.Second) // do not measure startup
	before, err := p.cpu()
	if err != nil {
		return err
	}
	time.Sleep(d)
	after, err := p.cpu()
	if err != nil {
		return err
	}
	printRow(fmt.Sprintf("CPU with one upstream at 15 s, over %s", d), "%.3f %% of a core", "< 0.1 %", 100*(after-before).Seconds()/d.Seconds())
	return nil
}

// memory measures the memory used with one collection and one scrape per second.
func (b *bench) memory(d time.Duration) error {
	p, err := b.exporter("--collect.interval=1s")
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.waitFor("betanet_messages_total ", 10*time.Second); err != nil {
		return err
	}
	var used []float64
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		if _, err := p.scrape(false); err != nil {
			return err
		}
		m, err := p.mib("RssAnon")
		if err != nil {
			return err
		}
		used = append(used, m)
	}
	printRow(fmt.Sprintf("anonymous memory after %s of 1 s collections and scrapes", d), "%.1f MiB (%.1f after a tenth, at most %.1f)", "≤ 8 MiB, flat", used[len(used)-1], used[len(used)/10], slices.Max(used))
	return nil
}
