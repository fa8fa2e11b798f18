// Package service holds what the programs of Peer2Peer Connector have in common. It
// imports the standard library only, so that package proto's module stays free of others.
//
// A [Program] is the command line of one service: it parses flags, makes the logger, makes
// the service, and runs it until a signal asks it to end. The parts are usable alone:
//
//	flags.go         Parse: each flag is an environment variable too; all mistakes are reported at once;
//	                 ParseTool, without the environment, for programs that are no services
//	check.go         checks of single settings, whose errors begin with the name of the flag
//	log.go           Log: the logger; debug_unix.go changes its level at a signal
//	nats.go          NATS: how to reach the NATS servers, and the times of a connection to them
//	memory.go        MemoryLimit: the memory that a process may use; a program keeps within that of its container
//	ops.go           Ops: the server for operators, with metrics, health checks and profiles
//	healthcheck.go   the client of these health checks, for containers without a shell
//	exit.go          ExitCode: how a program ends with an error
//	print.go         the last lines of a process, on an output that may hang
//
// An error about a setting begins with the name of its flag, never with the name of the
// program: the program's name is added once, where the error is printed.
package service
