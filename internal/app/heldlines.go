package app

import (
	"fmt"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// endpointSet is a set of endpoints.
type endpointSet uint8

func (s *endpointSet) add(e betanet.Endpoint)     { *s |= 1 << e }
func (s *endpointSet) remove(e betanet.Endpoint)  { *s &^= 1 << e }
func (s endpointSet) has(e betanet.Endpoint) bool { return s&(1<<e) != 0 }

func (s endpointSet) list() (all []betanet.Endpoint) {
	for e := range betanet.NumEndpoints {
		if s.has(e) {
			all = append(all, e)
		}
	}
	return all
}

// attemptGroup are endpoints whose attempts failed alike.
type attemptGroup struct {
	number         int
	text, then     string
	endpoints      []betanet.Endpoint
	least, longest time.Duration // waits until the retries
}

func newAttemptGroup(e poll.Attempt) attemptGroup {
	g := attemptGroup{number: e.Number, text: plainText(e.Failure, e.Endpoint), endpoints: []betanet.Endpoint{e.Endpoint}}
	switch {
	case e.Retry:
		g.then = ", retrying in "
		g.least, g.longest = e.Wait.Round(time.Millisecond), e.Wait.Round(time.Millisecond)
	case e.NoBudget:
		g.then = ", not retrying: the retry budget is empty"
	}
	return g
}

func (g *attemptGroup) message() string {
	text := fmt.Sprintf("Attempt %d failed: %s%s", g.number, g.text, g.then)
	switch {
	case g.longest == 0:
		return text
	case g.least == g.longest:
		return text + g.least.String()
	default:
		return text + g.least.String() + " to " + g.longest.String()
	}
}

// endpointGroup are endpoints of which the same is to be said.
type endpointGroup struct {
	reason    betanet.Reason
	text      string
	age       time.Duration
	endpoints []betanet.Endpoint
}

// group adds an endpoint to the group of the same reason and text.
func group(all []endpointGroup, g endpointGroup, e betanet.Endpoint) []endpointGroup {
	for i := range all {
		if a := &all[i]; a.reason == g.reason && a.text == g.text {
			a.endpoints, a.age = append(a.endpoints, e), max(a.age, g.age)
			return all
		}
	}
	g.endpoints = []betanet.Endpoint{e}
	return append(all, g)
}
