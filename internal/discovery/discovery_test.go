package discovery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestRepeatStopsAtTheEndOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		var reads, reports int
		repeat(ctx, 10*time.Second, func(context.Context) List { reads++; return List{} }, func(List) { reports++ })
		if reads != 3 || reports != 3 {
			t.Errorf("got %d reads and %d reports in 25 s, want 3 and 3", reads, reports)
		}
		repeat(ctx, 10*time.Second, func(context.Context) List { reads++; return List{} }, func(List) { reports++ })
		if reads != 3 || reports != 3 {
			t.Errorf("got %d reads and %d reports, want no more after the end", reads, reports)
		}
	})
}
