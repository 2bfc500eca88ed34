// Package blackbox holds the program to its promises from outside.
//
// It builds the real program with the race detector, starts it on upstreams that misbehave in every way that
// internal/fake knows, and reads what Prometheus would read. Nothing here knows how the program works inside: a
// test fails when a promise of the interface or a row of the classification is broken, and at no other time.
//
// Left to unit tests is what cannot be caused from outside: a dial that is not permitted, and a broken pipe, which is a
// RST met by a write in place of a read.
//
// There are two sizes. Without further ado less than a minute's worth of every group runs; with BETANET_FAULTS=all in
// the environment everything does. What needs a name server runs in a network namespace of its own, where the kernel
// permits one.
//
// One process watches many upstreams, one for each row, and all rows are checked at the same time. A test never sleeps
// and hopes; it waits for an exposition in which everything that is promised is true at once.
package blackbox
