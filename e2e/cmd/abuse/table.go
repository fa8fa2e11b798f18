package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"p2pconnector/e2e/kit/load"
	"p2pconnector/proto"
)

// trialTime bounds a whole trial. What hangs then ends with its connections.
const trialTime = 90 * time.Second

// quietTime is how long the honest pairs talk before the attack.
const quietTime = 2 * time.Second

// result is what a trial measured.
type result struct {
	*trial
	wall, cpu                   time.Duration // of the attack
	out                         uint64        // bytes that clients received during the attack
	rssBefore, rssMost, rssAt   int64         // bytes: before the attack, at most, and at its end
	insideFelt, outsideFelt     felt
	insideBefore, outsideBefore latencies
	closed                      map[string]int // honest connections that ended, by how
}

// checkRows returns an error for names of rows, separated by commas, that do not exist.
func checkRows(names string) (err error) {
	for name := range strings.SplitSeq(names, ",") {
		if name != "" && !slices.ContainsFunc(tableRows, func(r row) bool { return r.name == name }) {
			err = errors.Join(err, fmt.Errorf("rows: there is no row %q", name))
		}
	}
	return err
}

// runRows runs the rows with these names, or all, and prints a table in Markdown. It
// returns an error when a row exceeded its bound or hurt an honest client.
func runRows(ctx context.Context, names string, stdout, stderr io.Writer) error {
	var errs []error
	wanted := strings.Split(names, ",")
	printHead(stdout)
	for i := range tableRows {
		r := &tableRows[i]
		if names != "" && !slices.Contains(wanted, r.name) {
			continue
		}
		res, err := r.run(ctx, stderr)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, fmt.Errorf("%s: %w", r.name, err))
			fmt.Fprintf(stdout, "| %s | failed: %v |\n", r.title, err)
			continue
		}
		res.print(stdout)
		for _, f := range res.check() {
			errs = append(errs, fmt.Errorf("%s: %s", r.name, f))
		}
	}
	return errors.Join(errs...)
}

// run attacks a server that it starts for it.
func (r *row) run(ctx context.Context, stderr io.Writer) (_ *result, err error) {
	srv := new(server)
	if err := srv.start(serveDefaults, r.flags, stderr); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	t := &trial{row: r, srv: srv, got: newOutcomes()}
	defer t.close()
	ctx, end := context.WithTimeout(ctx, trialTime)
	defer end()
	defer context.AfterFunc(ctx, t.close)()
	err = t.prepare(ctx)
	if t.link != nil {
		defer func() { err = errors.Join(err, t.link.close()) }()
	}
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	res, err := t.measure(ctx)
	if err != nil {
		return nil, err
	}
	res.countClosed()
	t.tryRoom(ctx)
	return res, nil
}

// prepare connects the honest clients, and the attacker that creates their room.
func (t *trial) prepare(ctx context.Context) (err error) {
	if t.creates {
		if t.creator, err = t.attacker(ctx, true); err != nil {
			return err
		}
	}
	switch {
	case t.members > 0:
		if err = t.joinCrowd(ctx); err == nil {
			t.inside, err = t.newPair(ctx, insideIP, true)
		}
	case t.stalls:
		t.inside, err = t.connectThrough(ctx)
	}
	if err == nil {
		t.outside, err = t.newPair(ctx, outsideIP, false)
	}
	return err
}

// measure lets the honest pairs talk, first without the attack.
func (t *trial) measure(ctx context.Context) (*result, error) {
	res := &result{trial: t, closed: make(map[string]int)}
	probes := []*probe{t.outside}
	if t.inside != nil {
		probes = append(probes, t.inside)
	}
	talk, endTalk := context.WithCancel(ctx)
	defer endTalk()
	var wg sync.WaitGroup
	for _, p := range probes {
		wg.Go(func() { p.talk(talk) })
	}
	err := wait(ctx, cmp.Or(t.quiet, quietTime))
	var first [2]int
	for i, p := range probes {
		first[i] = p.count()
	}
	if err == nil {
		err = t.fight(ctx, res)
	}
	endTalk()
	wg.Wait()
	if err != nil {
		return nil, err
	}
	res.outsideBefore, res.outsideFelt = t.outside.settle(ctx, first[0])
	if t.inside != nil {
		res.insideBefore, res.insideFelt = t.inside.settle(ctx, first[1])
	}
	return res, nil
}

// fight attacks, and measures what that costs.
func (t *trial) fight(ctx context.Context, res *result) error {
	pid := t.srv.cmd.Process.Pid
	cpu, err := load.CPUOf(pid)
	if err != nil {
		return err
	}
	res.rssBefore = rssOf(pid)
	out, began := t.bytesRead(), time.Now()
	attack, end := context.WithTimeout(ctx, t.lasts)
	var wg sync.WaitGroup
	wg.Go(func() {
		for wait(attack, 50*time.Millisecond) == nil {
			res.rssMost = max(res.rssMost, rssOf(pid))
		}
	})
	err = t.attack(attack, t)
	if err == nil {
		_ = wait(attack, t.settles) // what it caused
	}
	res.wall, res.out = time.Since(began), t.bytesRead()-out
	end()
	wg.Wait()
	if err != nil {
		return fmt.Errorf("attacking: %w", err)
	}
	res.rssAt = rssOf(pid)
	res.rssMost = max(res.rssMost, res.rssAt)
	used, err := load.CPUOf(pid)
	if err != nil {
		return fmt.Errorf("the server has ended: %w", err)
	}
	res.cpu = used - cpu
	return nil
}

// countClosed counts the honest connections that have ended.
func (r *result) countClosed() {
	honest := slices.Clone(r.crowd)
	for _, p := range []*probe{r.inside, r.outside} {
		if p != nil {
			honest = append(honest, p.from, p.to)
		}
	}
	for _, c := range honest {
		select {
		case <-c.Done():
			code, _ := c.Ended()
			r.closed[endName(code)]++
		default:
		}
	}
}

// roomTime is how long an honest peer may have to try until it has a room, after an
// attack.
const roomTime = 10 * time.Second

// tryRoom makes an honest peer create a room and leave it.
func (t *trial) tryRoom(ctx context.Context) {
	c, err := t.dial(ctx, honestIP(checkIP+1))
	if err != nil {
		t.fault("an honest peer could not connect after the attack: %v", err)
		return
	}
	began := time.Now()
	for {
		answer, err := c.request(ctx, string(proto.CreateRoom), `{"room":"after the attack"}`)
		if err == nil && answer == string(proto.RoomCreated) {
			answer, err = c.request(ctx, string(proto.LeaveRoom), `{"room":"after the attack"}`)
		}
		took := time.Since(began)
		if err == nil && answer == string(proto.RoomLeft) {
			if took > time.Second {
				t.after = append(t.after, fmt.Sprintf("an honest peer had a room after %v", took.Round(100*time.Millisecond)))
			}
			return
		}
		if err != nil || took > roomTime || wait(ctx, 200*time.Millisecond) != nil {
			t.fault("an honest peer could not make a room in %v after the attack: %s, error %v", took.Round(time.Second), answer, err)
			return
		}
	}
}

// fault records what must not happen.
func (t *trial) fault(format string, args ...any) {
	t.faults = append(t.faults, fmt.Sprintf(format, args...))
}

// check lists what must not have happened.
func (r *result) check() []string {
	faults := slices.Clone(r.faults)
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for how, n := range r.closed {
		fault("%d honest clients were disconnected: %s", n, how)
	}
	for name, f := range map[string]felt{"beside the attack": r.insideFelt, "elsewhere": r.outsideFelt} {
		if f.lost > 0 || f.refused > 0 {
			fault("the honest pair %s: %d frames were lost and %d refused, want none", name, f.lost, f.refused)
		}
	}
	if got := r.outPerSecond(); r.most.out > 0 && got > r.most.out {
		fault("clients received %s/s, want at most %s/s", size(int64(got)), size(int64(r.most.out)))
	}
	if r.most.memory > 0 && r.rssMost > int64(r.most.memory) {
		fault("the server's memory reached %s, want at most %s", size(r.rssMost), size(int64(r.most.memory)))
	}
	if r.most.gained > 0 && r.got.gained > r.most.gained {
		fault("the attacker got %d %s, want at most %d", r.got.gained, r.got.what, r.most.gained)
	}
	slices.Sort(faults)
	return faults
}

func (r *result) outPerSecond() int { return int(float64(r.out) / r.wall.Seconds()) }
