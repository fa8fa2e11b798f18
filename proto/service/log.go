package service

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"strings"
)

// Log holds the settings of a program's logger. The zero value logs info and above, as text.
type Log struct {
	Level  slog.Level // lowest level that is logged
	Format LogFormat  // "" is text
}

// LogFormat is the format of a log: text or json.
type LogFormat string

// The formats of a log.
const (
	TextLog LogFormat = "text"
	JSONLog LogFormat = "json"
)

// Flags binds the settings to fs, with the values they have as defaults.
func (l *Log) Flags(fs *flag.FlagSet) {
	if l.Format == "" {
		l.Format = TextLog
	}
	fs.Var(levelValue{&l.Level}, "log-level", "lowest `level` that is logged: debug, info, warn or error")
	fs.Var(formatValue{&l.Format}, "log-format", "`format` of the log: text or json")
}

// New returns a logger that writes to w. The lowest level that it logs may be changed while
// it is in use.
func (l *Log) New(w io.Writer) (*slog.Logger, *slog.LevelVar) {
	lowest := new(slog.LevelVar)
	lowest.Set(l.Level)
	opts := &slog.HandlerOptions{Level: lowest}
	if l.Format == JSONLog {
		return slog.New(slog.NewJSONHandler(w, opts)), lowest
	}
	return slog.New(slog.NewTextHandler(w, opts)), lowest
}

// levelValue implements flag.Value. It shows levels in lower case.
type levelValue struct{ level *slog.Level }

func (v levelValue) String() string {
	if v.level == nil {
		return "" // package flag asks a zero value
	}
	return strings.ToLower(v.level.String())
}

func (v levelValue) Set(s string) error {
	if v.level.UnmarshalText([]byte(s)) != nil {
		return errors.New("want debug, info, warn or error")
	}
	return nil
}

// formatValue implements flag.Value.
type formatValue struct{ format *LogFormat }

func (v formatValue) String() string {
	if v.format == nil {
		return "" // package flag asks a zero value
	}
	return string(*v.format)
}

func (v formatValue) Set(s string) error {
	switch f := LogFormat(s); f {
	case TextLog, JSONLog:
		*v.format = f
		return nil
	}
	return errors.New("want text or json")
}
