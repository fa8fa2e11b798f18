package main

import (
	"flag"
	"io"
	"os"
	"strings"

	"p2pconnector/proto"
)

// secret is a room's password, as the flags give it.
type secret struct{ text, file string }

func (s *secret) flags(fs *flag.FlagSet) {
	fs.StringVar(&s.text, "password", "", "`password` of the room, also of one that is made; other users of this machine can see arguments, but not P2P_PASSWORD")
	fs.StringVar(&s.file, "password-file", "", "`file` with the password; the last line end is not part of it")
}

// read returns the password, or "" for none.
func (s *secret) read() (string, error) {
	switch {
	case s.file == "":
		return s.text, nil
	case s.text != "":
		return "", usagef("give one of --password and --password-file")
	}
	f, err := os.Open(s.file)
	if err != nil {
		return "", usagef("--password-file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, proto.MaxPasswordBytes+3)) // a line end, and one byte too many
	if err != nil {
		return "", usagef("--password-file: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if text == "" || len(text) > proto.MaxPasswordBytes {
		return "", usagef("--password-file: %s has no password of 1 to %d bytes", s.file, proto.MaxPasswordBytes)
	}
	return text, nil
}
