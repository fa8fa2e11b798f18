package kit

import (
	"context"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
)

// CheckUsage checks that a program reports all mistakes on its command line at once, and
// explains its flags, of which example is one. run is the program.
func CheckUsage(t *testing.T, program, example string, run func(ctx context.Context, args []string, stderr io.Writer) error) {
	t.Helper()
	ended, end := context.WithCancel(t.Context()) // a program that takes the mistakes must not run for long
	end()
	err := run(ended, []string{"stray", "--no-such-flag", "--nor-this"}, io.Discard)
	for _, want := range []string{`"stray"`, "-no-such-flag", "-nor-this", "; see " + program + " --help"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s with three mistakes: got %v, want %q in it", program, err, want)
		}
	}
	var help strings.Builder
	if err := run(ended, []string{"--help"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("%s --help: got %v, want %v", program, err, flag.ErrHelp)
	}
	if got := help.String(); !strings.HasPrefix(got, program+" ") || !strings.Contains(got, "\n  -"+example+" ") {
		t.Errorf("%s --help: got\n%s\nwant a sentence about it, and the flag -%s", program, got, example)
	}
}
