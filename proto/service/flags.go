package service

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// envPrefix begins the name of every environment variable.
const envPrefix = "P2P_"

// envName returns the environment variable that sets a flag: log-level is P2P_LOG_LEVEL.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Parse sets the flags of fs from args, and those that args do not give from the environment.
// An empty variable counts as absent. getenv finds a variable, as [os.Getenv] does; with nil,
// nothing comes from the environment. Parse prints nothing. Its error lists everything that is
// wrong, one line each, and ends with a reference to --help; it is [flag.ErrHelp] when args ask
// for help.
func Parse(fs *flag.FlagSet, args []string, getenv func(string) string) error {
	fs.Init(fs.Name(), flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	errs := parseArgs(fs, args)
	for _, err := range errs {
		if errors.Is(err, flag.ErrHelp) {
			return flag.ErrHelp
		}
	}
	if getenv != nil {
		errs = append(errs, parseEnv(fs, getenv)...)
	}
	return UsageError(fs.Name(), errs...)
}

// ParseTool is Parse for a program that takes nothing from the environment. When args ask for
// help, it prints text and the flags to w.
func ParseTool(fs *flag.FlagSet, args []string, w io.Writer, text string) error {
	err := Parse(fs, args, nil)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(w, "%s\n\n", strings.TrimSpace(text))
		fs.SetOutput(w)
		fs.PrintDefaults()
	}
	return err
}

// parseArgs sets the flags that args give. It goes on after a mistake, to
// report all mistakes.
func parseArgs(fs *flag.FlagSet, args []string) (errs []error) {
	for {
		err := fs.Parse(args)
		args = fs.Args()
		switch {
		case err != nil:
			errs = append(errs, err)
			if errors.Is(err, flag.ErrHelp) {
				return errs
			}
			if len(args) > 0 && !strings.HasPrefix(args[0], "-") { // it may be the wrong flag's value
				args = args[1:]
			}
		case len(args) > 0:
			errs = append(errs, fmt.Errorf("unexpected argument %q", args[0]))
			args = args[1:]
		default:
			return errs
		}
	}
}

// parseEnv sets the flags that were not given as arguments from the
// environment.
func parseEnv(fs *flag.FlagSet, getenv func(string) string) (errs []error) {
	given := make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	fs.VisitAll(func(f *flag.Flag) {
		name := envName(f.Name)
		value := getenv(name)
		if value == "" || given[f.Name] {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("invalid value %q for environment variable %s: %w", value, name, err))
		}
	})
	return errs
}

// PrintHelp prints text and the flags of fs.
func PrintHelp(w io.Writer, fs *flag.FlagSet, text string) {
	fmt.Fprintln(w, strings.TrimSpace(text))
	fmt.Fprintf(w, "\nEach flag is an environment variable too: %s and its name in capitals, with _ for -, such as %s.\n\n", envPrefix, envName("log-level"))
	fs.SetOutput(w)
	fs.PrintDefaults()
}
