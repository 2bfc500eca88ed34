// Command generate writes the Grafana dashboards into the directory given as its argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

var dashboards = []dashboard{fleetDashboard, upstreamDashboard, exporterDashboard}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate DIRECTORY")
		os.Exit(1)
	}
	for i := range dashboards {
		file := filepath.Join(os.Args[1], dashboards[i].uid+".json")
		if err := os.WriteFile(file, render(&dashboards[i]), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
