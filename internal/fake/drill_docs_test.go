package fake

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// tableRow formats a phase as a row of the table in the documentation.
func tableRow(i int) string {
	p := &Script[i]
	alerts := "none"
	if len(p.Alerts) > 0 {
		alerts = "`" + strings.Join(p.Alerts, "` `") + "`"
	}
	at := "0m"
	if i > 0 {
		at = FormatDuration(Length(Script[:i], 1))
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", at, FormatDuration(p.Duration), p.Name, p.Page, strings.Join(p.Series, "; "), alerts)
}

func TestTheDocumentationContainsTheScript(t *testing.T) {
	const page = "../../docs/drill.md"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, p := range Script {
		want = append(want, tableRow(i))
		if reaction := "- **" + p.Name + ".** "; !strings.Contains(string(b), reaction) {
			t.Errorf("%s does not describe a good reaction to %q", page, p.Name)
		}
	}
	if table := "|---|---|---|---|---|---|\n" + strings.Join(want, "\n") + "\n\n"; !strings.Contains(string(b), table) {
		t.Errorf("%s: the table of phases differs from\n%s", page, table)
	}
}

func TestTheAlertsOfTheScriptExist(t *testing.T) {
	text, err := os.ReadFile("../../monitoring/alerts/betanet.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Script {
		for _, a := range p.Alerts {
			if !strings.Contains(string(text), "- alert: "+a+"\n") {
				t.Errorf("%s: the alert %s does not exist", p.Name, a)
			}
		}
	}
}
