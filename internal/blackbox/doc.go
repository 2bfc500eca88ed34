// Package blackbox tests the promises of the program from outside.
//
// It runs the real program against upstreams that misbehave in every way that internal/fake supports, and scrapes it as
// Prometheus does. It does not depend on the implementation: a test fails only when the program breaks a promise of its
// interface or of the classification of errors.
//
// The program runs in two ways. For each fault of the table, it runs in the process of the test and collects only before
// each scrape, so that attempts can be counted. For the first fault of each reason, and for tests that need a clock,
// signals or resource limits, it runs as a process built with the race detector.
//
// Unit tests cover the errors that cannot be caused from outside: a dial that is not permitted, and a broken pipe,
// which is a RST noticed by a write instead of a read.
//
// By default the whole table and a part of the other tests run; with BETANET_FAULTS=all in the environment all of them
// do. Tests with a name server run in their own network namespace, where the kernel permits it.
//
// Tests do not sleep for a guessed time. They wait for an exposition that keeps all promises at once.
package blackbox
