package client

import (
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/directory"
)

// Suspect records that other gateways may have considered this gateway dead, and given away the
// names of its clients. Run then compares them with their directory.
func (tab *Table) Suspect() { tab.suspicion.Raise() }

// Run compares the names of the clients of dialects with their directory, on suspicion, until
// done is closed. This is no part of comparing sessions: each client is a request, and a
// slow directory of names must not delay sessions.
func (tab *Table) Run(done <-chan struct{}) {
	clock.Repeat(done, tab.suspicion.Soon(), directory.CompareInterval, tab.compareNames)
}

// compareNames compares names if there is a suspicion, and returns the time until the next
// comparison.
func (tab *Table) compareNames() time.Duration {
	if !tab.suspicion.Raised() {
		return directory.CompareInterval
	}
	began := clock.Now()
	if !tab.verify() {
		tab.cfg.Logger.Warn("names: not compared with the directory")
		return directory.CompareRetry
	}
	return tab.suspicion.Compared(began)
}

// verify makes the clients of dialects check what they have in directories, one after the
// other, until the gateway ends. It returns false when a directory does not answer.
func (tab *Table) verify() bool {
	for _, c := range tab.List(nil) {
		if tab.ended() {
			return true
		}
		if c.translator != nil && !c.translator.Verify() {
			return false
		}
	}
	return true
}
