package rtc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// negotiation is what one side of a connection knows about the exchange of descriptions.
// The rules are those of perfect negotiation (W3C WebRTC, section 10.7) for signals that may
// be lost, refused or late, as in connector.js:
//
//   - An offer is sent again until it is answered; an offer that comes twice gets the same
//     answer again.
//   - When both sides offer at once, the peer with the lower id is polite: its offer gives
//     way. pion cannot roll a description back, so that the polite side sets its own offer
//     only when the answer is there; until then it can drop it.
//   - Each connection of pion's has a generation, above those before it. One connection can
//     only talk to one other: when the other side has begun anew after we took a description
//     of it, so do we. Signals of older generations are ignored.
type negotiation struct {
	own    int64  // our generation
	theirs *int64 // the newest generation of the other side; nil: not known
	bound  bool   // we took a description of theirs

	needed    bool // an offer is due
	offer     *outstanding
	mids      int    // drawn for our transceivers; only on the polite side
	described bool   // their description is set, so that candidates can be added
	answered  *int64 // re of the answer that we sent last; only with answering
	answering bool   // the last answer is ours, and no offer of ours was answered since
	taken     int64  // n of the offer of theirs that we answered last

	early []webrtc.ICECandidateInit // theirs, before a description
	local []webrtc.ICECandidateInit // ours, since the path is searched

	reported  webrtc.PeerConnectionState // of pion's connection
	up, wasUp bool                       // there is, or was, a path
	lost      bool                       // a signal was refused, and nothing has been sent since
	away      bool                       // it was refused because the other side has no connection
	tries     int
	timer     *time.Timer
	reason    error // why the connection ends; nil: it does not
}

// outstanding is an offer of ours without an answer.
type outstanding struct {
	n           int64
	description webrtc.SessionDescription
	set         bool // it is the local description
}

// begin offers even when Setup added nothing.
func (p *Peer) begin() { p.needed = true }

// makeOffer offers, with new credentials for ICE when the path is to be searched anew.
func (p *Peer) makeOffer(restart bool) {
	p.needed = false
	pc := p.pc.Load()
	if restart {
		p.local = nil
		if servers, err := p.peers.iceServers(); err == nil {
			cfg := pc.GetConfiguration()
			cfg.ICEServers = servers
			_ = pc.SetConfiguration(cfg) // fresh credentials are a help, not a condition
		}
	}
	err := p.name(pc)
	var description webrtc.SessionDescription
	if err == nil {
		description, err = pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	}
	if err == nil && !strings.Contains(description.SDP, "\nm=") {
		err = errors.New("there is no channel and no track in it: add one in Config.Setup")
	}
	if err == nil && !p.polite {
		err = pc.SetLocalDescription(description)
	}
	if err != nil {
		p.end(fmt.Errorf("rtc: making an offer: %w", err))
		return
	}
	p.offer = &outstanding{n: draw(), description: description, set: !p.polite}
	p.sendOffer()
	p.timer.Reset(p.peers.cfg.Patience)
}

// name gives the polite side's transceivers mids that the other side does not draw (p0, p1 …;
// pion and browsers count 0, 1 …). pion keeps the mids of an offer that gives way, so that
// otherwise a transceiver of ours could be taken for one of theirs, even of another kind.
func (p *Peer) name(pc *webrtc.PeerConnection) error {
	if !p.polite {
		return nil
	}
	for _, t := range pc.GetTransceivers() {
		if t.Mid() != "" {
			continue
		}
		if err := t.SetMid("p" + strconv.Itoa(p.mids)); err != nil {
			return err
		}
		p.mids++
	}
	return nil
}

func (p *Peer) sendOffer() {
	d := &p.offer.description
	if p.offer.set {
		d = p.Connection().LocalDescription() // with the candidates that were found by now
	}
	p.send(proto.Offer, signal{Description: d, N: &p.offer.n})
	if p.offer.set {
		return
	}
	for i := range p.local {
		p.send(proto.Candidate, signal{Candidate: &p.local[i]})
	}
}

func (p *Peer) sendAnswer() {
	p.send(proto.Answer, signal{Description: p.Connection().CurrentLocalDescription(), Re: p.answered})
}

// found sends a candidate of ours.
func (p *Peer) found(c webrtc.ICECandidateInit) {
	if len(p.local) < maxEarly {
		p.local = append(p.local, c)
	}
	p.send(proto.Candidate, signal{Candidate: &c})
}

// receive takes in a signal of the other side.
func (p *Peer) receive(f client.Frame) {
	s, err := parseSignal(f)
	if err != nil {
		p.log.Warn("signal ignored: its data cannot be read", "event", f.Event, "err", err)
		return
	}
	if s.With != nil && *s.With > p.own { // our clock was set back
		p.renew(*s.With + 1)
		p.needed = true
		return
	}
	current := func() bool { return s.With == nil || *s.With == p.own }
	switch age := compare(s.Call, p.theirs); {
	case age < 0:
		if f.Event == string(proto.Offer) {
			p.send(proto.Candidate, signal{With: p.theirs}) // they renew
		}
		return
	case s.Bye:
		if current() {
			p.end(ErrLeft)
		}
		return
	case age > 0 && p.bound:
		p.renew(0)
		p.theirs = s.Call
	case age > 0:
		p.theirs, p.early = s.Call, nil
	}
	if p.reason != nil {
		return // the new connection could not be made
	}
	if !current() {
		p.repeat()
		return
	}
	p.take(s)
	p.back()
}

// take acts on a signal of the present pair of generations.
func (p *Peer) take(s signal) {
	switch d := s.Description; {
	case d == nil && s.Candidate != nil:
		p.candidate(*s.Candidate)
	case d == nil:
	case d.Type == webrtc.SDPTypeOffer:
		p.theirOffer(d, s.N)
	case d.Type == webrtc.SDPTypeAnswer:
		p.theirAnswer(d, s.Re)
	}
}

// compare tells whether a generation is newer (1) or older (-1) than the newest one known,
// or the same (0). A signal without one is taken as the newest one's.
func compare(call, known *int64) int {
	switch {
	case call == nil || known != nil && *call == *known:
		return 0
	case known == nil || *call > *known:
		return 1
	}
	return -1
}

func (p *Peer) theirOffer(d *webrtc.SessionDescription, n *int64) {
	if n != nil && *n <= p.taken {
		if *n == p.taken && p.answering { // our answer was lost
			for _, c := range candidatesOf(d) {
				p.candidate(c)
			}
			p.sendAnswer()
		}
		return
	}
	if p.offer != nil && p.offer.set {
		return // they give way
	}
	p.bound = true
	p.offer, p.needed = nil, false // ours gives way; pion says when it is still needed
	pc := p.Connection()
	err := pc.SetRemoteDescription(*d)
	var answer webrtc.SessionDescription
	if err == nil {
		answer, err = pc.CreateAnswer(nil)
	}
	if err == nil {
		err = pc.SetLocalDescription(answer)
	}
	if err != nil { // pion cannot take the offer back, so that nothing else fits any more
		p.end(fmt.Errorf("rtc: answering an offer: %w", err))
		return
	}
	p.answered, p.answering = n, true
	if n != nil {
		p.taken = *n
	}
	p.sendAnswer()
	p.describe()
}

func (p *Peer) theirAnswer(d *webrtc.SessionDescription, re *int64) {
	if p.offer == nil || re != nil && *re != p.offer.n {
		return
	}
	p.bound = true
	pc := p.Connection()
	var err error
	if !p.offer.set {
		err = pc.SetLocalDescription(p.offer.description)
	}
	if err == nil {
		err = pc.SetRemoteDescription(*d)
	}
	if err != nil {
		p.end(fmt.Errorf("rtc: using an answer: %w", err))
		return
	}
	p.offer, p.answered, p.answering = nil, nil, false
	p.describe()
}

// describe adds the candidates that came before the description.
func (p *Peer) describe() {
	p.described = true
	early := p.early
	p.early = nil
	for _, c := range early {
		p.candidate(c)
	}
}

// candidate adds a candidate of theirs. One that does not fit is of an offer that lost or
// was replaced.
func (p *Peer) candidate(c webrtc.ICECandidateInit) {
	if !p.described {
		if len(p.early) < maxEarly {
			p.early = append(p.early, c)
		}
		return
	}
	if err := p.Connection().AddICECandidate(c); err != nil {
		p.log.Debug("candidate not added", "err", err)
	}
}

// send sends a signal of this generation. It waits while the client is disconnected.
func (p *Peer) send(e proto.Event, s signal) {
	p.lost, p.away = false, false
	if err := p.sendOn(p.ctx, e, s); err != nil && p.ctx.Err() == nil {
		p.end(fmt.Errorf("rtc: sending %s: %w", e, err))
	}
}

func (p *Peer) sendOn(ctx context.Context, e proto.Event, s signal) error {
	s.Call = &p.own
	if s.With == nil && p.bound {
		s.With = p.theirs
	}
	return p.peers.c.Send(ctx, client.Out{Event: e, To: p.id, Data: s})
}
