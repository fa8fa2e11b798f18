package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// overview is the answer to a command line that names no command.
func (p *program) overview(args []string) error {
	switch {
	case len(args) == 0:
		return usagef("a command is missing: %s", names())
	case args[0] == "help", args[0] == "-h", args[0] == "-help", args[0] == "--help":
		writeOverview(p.stdout)
		return flag.ErrHelp
	case strings.HasPrefix(args[0], "-"):
		return usagef("flags come after the command: %s", names())
	case args[0] == "room" && slices.Contains(args, "--help"):
		writeCommandsOf(p.stdout, "room")
		return flag.ErrHelp
	case args[0] == "room":
		return usagef("room takes join, watch or admit, as in p2p room join ROOM")
	}
	return usagef("there is no command %q, but %s", args[0], names())
}

func names() string {
	var all []string
	for _, cmd := range commands {
		all = append(all, cmd.name)
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}

func writeOverview(w io.Writer) {
	fmt.Fprint(w, "p2p is a peer on the command line.\n\n")
	writeCommands(w)
	fmt.Fprint(w, "\nEach says more with --help; p2p --version says which p2p this is. Flags are environment variables too: P2P_URL, P2P_TOKEN.\n"+
		"Exit code: 0 when all was done, 1 when not, 2 when the command line is wrong.\n")
}

// writeCommands writes one line for each command.
func writeCommands(w io.Writer) { writeCommandsOf(w, "") }

// writeCommandsOf writes one line for each command whose name begins with prefix.
func writeCommandsOf(w io.Writer, prefix string) {
	for _, cmd := range commands {
		if !strings.HasPrefix(cmd.name, prefix) {
			continue
		}
		fmt.Fprintf(w, "    p2p %-27s %s\n", cmd.name+" "+cmd.args, cmd.short)
	}
}

// help writes the help of the command.
func (cmd *command) help(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintf(w, "usage: p2p %s\n\n%s\n\n", strings.TrimSpace(cmd.name+" [flags] "+cmd.args), strings.TrimSpace(cmd.long))
	fmt.Fprint(w, "Flags, each also an environment variable (P2P_ and its name in capitals, such as P2P_URL):\n")
	fs.SetOutput(w)
	fs.PrintDefaults()
	fs.SetOutput(io.Discard)
}
