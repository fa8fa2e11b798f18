package service

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func none(string) string { return "" }

// values are the flags of the tests below.
type values struct {
	rooms int
	off   bool
	grace time.Duration
	name  string
}

func (v *values) flags() *flag.FlagSet {
	fs := flag.NewFlagSet("program", flag.PanicOnError)
	fs.IntVar(&v.rooms, "max-rooms", 1, "")
	fs.BoolVar(&v.off, "off", false, "")
	fs.DurationVar(&v.grace, "grace", time.Second, "")
	fs.StringVar(&v.name, "name", "nobody", "")
	return fs
}

func TestParse_ArgumentsAndEnvironment_ArgumentsWin(t *testing.T) {
	env := map[string]string{"P2P_MAX_ROOMS": "2", "P2P_GRACE": "2s", "P2P_NAME": "", "P2P_OFF": "true"}
	var got values
	if err := Parse(got.flags(), []string{"--grace", "3s"}, func(k string) string { return env[k] }); err != nil {
		t.Fatal(err)
	}
	if want := (values{rooms: 2, off: true, grace: 3 * time.Second, name: "nobody"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParse_SeveralMistakes_AllReportedWithHelp(t *testing.T) {
	env := map[string]string{"P2P_GRACE": "soon", "P2P_OFF": "maybe"}
	for _, tc := range []struct {
		args string
		want []string // one for each line
	}{
		{"--max-rooms x", []string{`"x" for flag -max-rooms`, "P2P_GRACE", "P2P_OFF"}},
		{"--nowhere there start --max-rooms=x --off=no!", []string{"-nowhere", `"start"`, "-max-rooms", "-off", "P2P_GRACE", "P2P_OFF"}},
		{"--grace 1s --off -- --max-rooms=2", []string{`unexpected argument "--max-rooms=2"`}},
		{"--grace 1s --off --name", []string{"needs an argument: -name"}},
		{"helthcheck", []string{`unexpected argument "helthcheck"`, "P2P_GRACE", "P2P_OFF"}},
	} {
		err := Parse(new(values).flags(), strings.Fields(tc.args), func(k string) string { return env[k] })
		if err == nil {
			t.Errorf("%s: got no error, want %d", tc.args, len(tc.want))
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(tc.want) {
			t.Errorf("%s: got %q, want %d lines", tc.args, lines, len(tc.want))
			continue
		}
		for i, want := range tc.want {
			if !strings.Contains(lines[i], want) {
				t.Errorf("%s: got %q as line %d, want %q in it", tc.args, lines[i], i+1, want)
			}
		}
		if want := "; see program --help"; !strings.HasSuffix(err.Error(), want) || strings.Count(err.Error(), want) != 1 {
			t.Errorf("%s: got %q, want %q at its end", tc.args, err, want)
		}
	}
}

func TestParse_Help_WinsOverMistakes(t *testing.T) {
	fs := new(values).flags()
	if err := Parse(fs, []string{"--nowhere", "--help"}, none); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v, want %v", err, flag.ErrHelp)
	}
	if got := fs.Output(); got != io.Discard {
		t.Errorf("got output to %v, want none", got)
	}
}

func TestParse_WithoutGetenv_IgnoresTheEnvironment(t *testing.T) {
	t.Setenv("P2P_MAX_ROOMS", "2")
	var got values
	if err := Parse(got.flags(), nil, nil); err != nil || got.rooms != 1 {
		t.Errorf("got %d rooms, error %v, want the default 1", got.rooms, err)
	}
}

func TestParseTool_Help_PrintsTextAndFlagsButNoVariables(t *testing.T) {
	var out strings.Builder
	if err := ParseTool(new(values).flags(), []string{"--help"}, &out, "program does things."); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v, want %v", err, flag.ErrHelp)
	}
	if got := out.String(); !strings.HasPrefix(got, "program does things.\n\n") || !strings.Contains(got, "  -max-rooms ") || strings.Contains(got, envPrefix) {
		t.Errorf("got help\n%s\nwant the text and the flags, and no environment variable", got)
	}
	out.Reset()
	if err := ParseTool(new(values).flags(), []string{"--nowhere"}, &out, ""); err == nil || out.Len() > 0 {
		t.Errorf("a wrong flag: got error %v and output %q, want an error alone", err, out.String())
	}
}

func TestExitCode_EachError_IsPrintedAndHasItsCode(t *testing.T) {
	failed := errors.New("NATS is lost")
	for _, tc := range []struct {
		err  error
		code int
		want string
	}{
		{nil, 0, ""},
		{flag.ErrHelp, 0, ""},
		{UsageError("program"), 0, ""},
		{UsageError("program", nil, nil), 0, ""},
		{UsageError("program", failed, nil), 2, "program: NATS is lost; see program --help\n"},
		{fmt.Errorf("twice: %w", UsageError("program", failed)), 2, "program: twice: NATS is lost; see program --help\n"},
		{failed, 1, "program: NATS is lost\n"},
	} {
		var out strings.Builder
		if code := ExitCode(&out, "program", tc.err); code != tc.code || out.String() != tc.want {
			t.Errorf("%v: got code %d and %q, want %d and %q", tc.err, code, out.String(), tc.code, tc.want)
		}
	}
}

func TestChecks_WrongValue_ErrorNamesTheSetting(t *testing.T) {
	for _, tc := range []struct {
		got  error
		want string
	}{
		{CheckRange("max-rooms", 1, 1, 2), ""},
		{CheckRange("max-rooms", 2, 1, 2), ""},
		{CheckRange("max-rooms", 3, 1, 2), "max-rooms: 3 is not between 1 and 2"},
		{CheckRange("grace", 0, time.Second, 2*time.Second), "grace: 0s is not between 1s and 2s"},
		{CheckAddress("listen", ":8080"), ""},
		{CheckAddress("listen", "nowhere"), "listen: address nowhere: missing port in address"},
		{CheckPair("cert", "", "key", ""), ""},
		{CheckPair("cert", "c", "key", "k"), ""},
		{CheckPair("cert", "c", "key", ""), "cert, key: give both or none"},
		{CheckPair("cert", "", "key", "k"), "cert, key: give both or none"},
	} {
		if got := strings.TrimPrefix(fmt.Sprint(tc.got), "<nil>"); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
