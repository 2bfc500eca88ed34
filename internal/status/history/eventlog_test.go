package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// add notes n events of an upstream, numbered from first.
func add(l *EventLog, upstream string, first, n int) {
	for i := range n {
		l.Add(Event{Time: time.Unix(int64(first+i), 0), Upstream: upstream, Text: fmt.Sprint(first + i)})
	}
}

func texts(events []Event) (all []string) {
	for _, e := range events {
		all = append(all, e.Upstream+e.Text)
	}
	return all
}

func TestTheNewestEventsComeFirst(t *testing.T) {
	var l EventLog
	if got := l.Last(10, ""); len(got) != 0 {
		t.Errorf("an empty journal gave %v", got)
	}
	add(&l, "a", 0, 3)
	if diff := cmp.Diff([]string{"a2", "a1", "a0"}, texts(l.Last(10, ""))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a2"}, texts(l.Last(1, ""))); diff != "" {
		t.Errorf("one event (-want +got):\n%s", diff)
	}
}

func TestEventsOfOneUpstreamAreFound(t *testing.T) {
	var l EventLog
	add(&l, "a", 0, 2)
	add(&l, "b", 2, 50)
	add(&l, "a", 52, 1)
	if diff := cmp.Diff([]string{"a52", "a1", "a0"}, texts(l.Last(5, "a"))); diff != "" {
		t.Errorf("events of a (-want +got):\n%s", diff)
	}
	if got := l.Last(5, "c"); len(got) != 0 {
		t.Errorf("events of c: got %v, want none", got)
	}
}

func TestTheOldestEventsGo(t *testing.T) {
	var l EventLog
	add(&l, "a", 0, KeptEvents+7)
	all := l.Last(2*KeptEvents, "")
	if len(all) != KeptEvents {
		t.Fatalf("kept %d events, want %d", len(all), KeptEvents)
	}
	if got, want := all[0].Text, fmt.Sprint(KeptEvents+6); got != want {
		t.Errorf("the newest: got %s, want %s", got, want)
	}
	if got, want := all[KeptEvents-1].Text, "7"; got != want {
		t.Errorf("the oldest: got %s, want %s", got, want)
	}
}
