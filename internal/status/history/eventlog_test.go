package history

import (
	"fmt"
	"testing"
	"time"
)

// add adds n events of an upstream, numbered from first.
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
	want(t, "an empty log", len(l.Last(10, "")), 0)
	add(&l, "a", 0, 3)
	want(t, "all", texts(l.Last(10, "")), []string{"a2", "a1", "a0"})
	want(t, "one", texts(l.Last(1, "")), []string{"a2"})
	add(&l, "b", 3, 50)
	add(&l, "a", 53, 1)
	want(t, "upstream a", texts(l.Last(5, "a")), []string{"a53", "a2", "a1", "a0"})
	want(t, "upstream c", len(l.Last(5, "c")), 0)
}

func TestTheOldestEventsAreDropped(t *testing.T) {
	var l EventLog
	add(&l, "a", 0, KeptEvents+7)
	all := l.Last(2*KeptEvents, "")
	if len(all) != KeptEvents {
		t.Fatalf("got %d events, want %d", len(all), KeptEvents)
	}
	if got, want := all[0].Text, fmt.Sprint(KeptEvents+6); got != want {
		t.Errorf("newest event: got %s, want %s", got, want)
	}
	if got, want := all[KeptEvents-1].Text, "7"; got != want {
		t.Errorf("oldest event: got %s, want %s", got, want)
	}
}
