// Package blackbox holds the program to its promises from outside.
//
// It runs the real program on upstreams that misbehave in every way that internal/fake knows, and reads what Prometheus
// would read. Nothing here knows how the program works inside: a test fails when a promise of the interface or a row of
// the classification is broken, and at no other time.
//
// The program runs in two ways. Each fault of the table has one in the process of the test, which collects before each
// scrape and at no other time, so that attempts can be counted. What needs a clock, signals or a machine of its own has a
// process that is built with the race detector and watches one upstream for each row; so has the first fault of each
// reason.
//
// Left to unit tests is what cannot be caused from outside: a dial that is not permitted, and a broken pipe, which is a
// RST met by a write in place of a read.
//
// There are two sizes. Without further ado the table and a part of all else runs; with BETANET_FAULTS=all in the
// environment everything does. What needs a name server runs in a network namespace of its own, where the kernel permits
// one.
//
// A test never sleeps and hopes; it waits for an exposition in which everything that is promised is true at once.
package blackbox
