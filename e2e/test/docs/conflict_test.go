package docs

import (
	"strings"
	"testing"
)

// TestDocuments_AfterAMerge_HoldNoConflictMarkers: a conflict that was committed would be shown
// to every reader.
func TestDocuments_AfterAMerge_HoldNoConflictMarkers(t *testing.T) {
	for _, path := range allDocuments(t) {
		n := 0
		for line := range strings.Lines(readDocument(t, path)) {
			if n++; conflictMarker(line) {
				t.Errorf("%s, line %d: got the conflict marker %q, want none", path, n, line)
			}
		}
	}
}

// conflictMarker reports whether a line begins or ends one side of a conflict.
func conflictMarker(line string) bool {
	return strings.HasPrefix(line, "<<<<<<<") || strings.HasPrefix(line, ">>>>>>>")
}

// TestConflictMarker_Lines_AreFound only where they begin with one.
func TestConflictMarker_Lines_AreFound(t *testing.T) {
	for line, want := range map[string]bool{"<<<<<<< HEAD\n": true, ">>>>>>> 1a2b3c4\n": true, "=======\n": false, "> a quote\n": false, "text <<<<<<<\n": false} {
		if got := conflictMarker(line); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
}
