package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
)

func TestFlags_EachLine_IsTakenOrRefused(t *testing.T) {
	opt, files, err := parse([]string{"--rows", "relay, idle", "--systems", "echo", "--short", "--idle", "500", "--json", "x.json"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(opt.rows, " ") != "relay idle" || strings.Join(opt.systems, " ") != echoFloor || opt.idle != 500 || opt.window >= time.Second || files.json != "x.json" {
		t.Errorf("got %+v, %+v, want what the flags say", opt, files)
	}
	b := &bench{opt: opt}
	if !b.wants("idle") || b.wants("storm") || !b.wantsSystem(ours) || b.wantsSystem(peerServer) {
		t.Error("got other rows or systems, want those asked for")
	}
	for _, args := range [][]string{{"--rows", "relais"}, {"--systems", "redis"}, {"--rounds", "0"}, {"--window", "1h"}, {"--idle", "0"}, {"--crowd", "1"}} {
		if _, _, err := parse(args, io.Discard); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(args[0], "--")+": ") {
			t.Errorf("%q: got error %v, want one that names the flag", args, err)
		}
	}
}

func TestRun_WrongCommandLine_AllMistakesAreNamed(t *testing.T) {
	kit.CheckUsage(t, programName, "rows", func(ctx context.Context, args []string, stderr io.Writer) error {
		return run(ctx, args, io.Discard, stderr)
	})
}

func TestProgress_EachMeasurement_IsCounted(t *testing.T) {
	b := &bench{opt: options{rounds: 3, idle: 100, crowd: 100}}
	for _, r := range rows {
		if n := r.steps(b); n < 3 || n%3 != 0 {
			t.Errorf("row %s: got %d measurements in 3 rounds, want a multiple of 3", r.name, n)
		}
	}
	b.opt.cases = "no such case"
	for _, r := range rows {
		if n := r.steps(b); n != 0 && r.name != "idle" {
			t.Errorf("row %s: got %d measurements of no case, want none", r.name, n)
		}
	}
	var out strings.Builder
	p := newProgress(&out, 3)
	p.total = 2
	p.step("relay", "300 B", ours, 0)
	if text := out.String(); !strings.Contains(text, "1/2  relay: 300 B, gateways, round 1 of 3\n") {
		t.Errorf("got progress %q, want the first of two measurements", text)
	}
}

func TestRole_Unknown_IsRefused(t *testing.T) {
	if ok, err := role([]string{"--rows", "relay"}, strings.NewReader("")); ok || err != nil {
		t.Errorf("flags: got a role %v, error %v, want neither", ok, err)
	}
	if ok, err := role([]string{rolePrefix + "cook"}, strings.NewReader("")); !ok || err == nil {
		t.Errorf("an unknown role: got %v, error %v, want an error", ok, err)
	}
}
