package service

import (
	"flag"
	"log/slog"
	"strings"
	"testing"
)

func TestLog_Flags_DecideLevelAndFormat(t *testing.T) {
	for _, tc := range []struct {
		args string
		want string // what the log begins with
		n    int    // lines of a log of debug, info, warn and error
	}{
		{"", "time=", 3},
		{"--log-level debug", "time=", 4},
		{"--log-level WARN --log-format json", "{", 2},
		{"--log-level error --log-format text", "time=", 1},
	} {
		var l Log
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		l.Flags(fs)
		if err := Parse(fs, strings.Fields(tc.args), none); err != nil {
			t.Errorf("%q: got %v, want no error", tc.args, err)
		}
		var out strings.Builder
		log, _ := l.New(&out)
		log.Debug("a")
		log.Info("b")
		log.Warn("c")
		log.Error("d")
		if n := strings.Count(out.String(), "\n"); n != tc.n || !strings.HasPrefix(out.String(), tc.want) {
			t.Errorf("%q: got %d lines\n%s\nwant %d that begin with %q", tc.args, n, out.String(), tc.n, tc.want)
		}
	}
}

func TestLog_Defaults_AreShownAsTheyAreTyped(t *testing.T) {
	l := Log{Level: slog.LevelWarn, Format: JSONLog}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	l.Flags(fs)
	var help strings.Builder
	fs.SetOutput(&help)
	fs.PrintDefaults()
	for _, want := range []string{"(default warn)", "(default json)"} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("got help\n%s\nwant %q in it", help.String(), want)
		}
	}
}

func TestLog_WrongValues_NameTheChoices(t *testing.T) {
	for args, want := range map[string]string{
		"--log-level loud":  "flag -log-level: want debug, info, warn or error",
		"--log-format xml":  "flag -log-format: want text or json",
		"--log-format JSON": "flag -log-format: want text or json",
	} {
		var l Log
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		l.Flags(fs)
		if err := Parse(fs, strings.Fields(args), none); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", args, err, want)
		}
	}
}
