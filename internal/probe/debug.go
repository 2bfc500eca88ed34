package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// Attempted is one request, as /probe?debug=true shows it.
type Attempted struct {
	Ended    time.Time
	Endpoint betanet.Endpoint
	Replica  string // "" of an upstream with one URL
	Number   int    // within the collection, from 1
	Took     time.Duration
	Failure  *betanet.Failure // nil on success
	Retry    bool             // another attempt follows after Wait
	Wait     time.Duration
	NoBudget bool // a retry was due and there was no budget for it
}

func attempted(a poll.Attempt) Attempted {
	return Attempted{
		Ended: time.Now(), Endpoint: a.Endpoint, Replica: a.Replica, Number: a.Number, Took: a.Duration,
		Failure: a.Failure, Retry: a.Retry, Wait: a.Wait, NoBudget: a.NoBudget,
	}
}

// Debug collects a target as Collect does, and returns every attempt that was made
// meanwhile as well.
func (t *Targets) Debug(ctx context.Context, name string, limit time.Duration) (v *fleet.View, late bool, log []Attempted, err error) {
	title := name
	if t.o.Lookup(name) == nil {
		a, err := parse(name)
		if err != nil {
			return nil, false, nil, err
		}
		title = a.String()
	}
	open, ok := t.o.Logs.begin(title)
	if !ok {
		return nil, false, nil, fmt.Errorf("%d targets are being debugged already, the limit; %w", maxLogs, ErrBusy)
	}
	v, late, err = t.Collect(ctx, name, limit)
	return v, late, t.o.Logs.end(open), err
}
