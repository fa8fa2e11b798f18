package room

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// pacedRoom is a replica with what its test knows of it: the room as the room service
// has it, and the state of each local member according to the frames that it got. Some
// members are at this gateway, the others at another gateway.
type pacedRoom struct {
	t     *testing.T
	rnd   *rand.Rand
	r     *replica
	room  bus.Room
	rev   uint64
	peers []*pacedPeer
	other []proto.PeerID // of another gateway
	ops   int
	asked map[int]bool // ids of requests that are not answered yet
}

// pacedPeer is a peer of this gateway, and what a client that applies frames believes.
type pacedPeer struct {
	*testMember
	in      bool
	members map[proto.PeerID]proto.MemberInfo // by added and removed
	clients []proto.PeerID                    // as listed last; nil after a delta
	creator proto.PeerID
	locked  bool
	rev     uint64
	last    time.Time // of the last update that was no answer
	updates int
}

const pacedGateway = proto.GatewayID("0a1b2c3d")

func newPacedRoom(t *testing.T, seed uint64, locals, others int) *pacedRoom {
	gw := newTestGateway()
	p := &pacedRoom{
		t: t, rnd: rand.New(rand.NewPCG(seed, 1)), r: gw.rooms.pin("tea"),
		room: bus.Room{ID: "tea", Name: "Tea"}, rev: 1, asked: make(map[int]bool),
	}
	for range others {
		p.other = append(p.other, proto.NewPeerID(pacedGateway))
	}
	for _, id := range p.other[:max(1, others-2)] {
		p.room.Members = append(p.room.Members, bus.Member{ID: id, Gateway: pacedGateway})
	}
	p.room.Creator = p.other[0]
	for i := range locals {
		m := gw.member()
		m.delta = i%2 == 1
		p.peers = append(p.peers, &pacedPeer{testMember: m})
	}
	room := p.room
	room.Members = slices.Clone(room.Members)
	p.r.adopt(&bus.Snapshot{Revision: p.rev, Room: &room})
	return p
}

// request records a request of a local peer, as Change does, and returns its operation.
func (p *pacedRoom) request(by *pacedPeer, event proto.Event, client proto.PeerID) bus.OpID {
	p.ops++
	op := bus.NewOpID(ownGateway, uint64(p.ops))
	p.asked[p.ops] = true
	p.r.begin(op, &Call{
		Request: Request{Event: event, ID: fmt.Append(nil, p.ops), By: by.id, Client: client},
		Member:  by.testMember, Answered: make(chan struct{}),
	})
	return op
}

// commit applies a change to the room and makes the replica apply it.
func (p *pacedRoom) commit(c bus.Change) {
	c.Room, c.Before, c.After = "tea", p.rev, p.rev+1
	for _, x := range c.Removed {
		p.room.Members = slices.DeleteFunc(p.room.Members, func(m bus.Member) bool { return m.ID == x.ID })
	}
	p.room.Members = append(p.room.Members, c.Added...)
	if !slices.ContainsFunc(p.room.Members, func(m bus.Member) bool { return m.ID == p.room.Creator }) {
		p.room.Creator = p.room.Members[0].ID
	}
	for _, x := range c.Updated {
		i := slices.IndexFunc(p.room.Members, func(m bus.Member) bool { return m.ID == x.ID })
		p.room.Members[i].Metadata, p.room.Members[i].Moderator = x.Metadata, x.Moderator
	}
	if c.Creator != "" { // it handed the room over
		p.room.Creator = c.Creator
	}
	if c.Set != nil {
		p.room.Locked = c.Set.Locked
	}
	c.Creator = p.room.Creator
	p.rev++
	b, err := json.Marshal(c)
	if err != nil {
		p.t.Fatal(err)
	}
	var sent bus.Change
	if err := json.Unmarshal(b, &sent); err != nil {
		p.t.Fatal(err)
	}
	p.r.apply(&sent)
	p.read()
	for n := range p.asked {
		p.t.Fatalf("revision %d: request %d was not answered at once", p.rev, n)
	}
}

func (p *pacedRoom) has(id proto.PeerID) bool {
	return slices.ContainsFunc(p.room.Members, func(m bus.Member) bool { return m.ID == id })
}

func (p *pacedRoom) member(id proto.PeerID) bus.Member {
	return p.room.Members[slices.IndexFunc(p.room.Members, func(m bus.Member) bool { return m.ID == id })]
}

func (p *pacedRoom) moderator(id proto.PeerID) bool { return p.member(id).Moderator }

// requestRole records a Set_Role of a local peer.
func (p *pacedRoom) requestRole(by *pacedPeer, client proto.PeerID, role proto.Role) bus.OpID {
	op := p.request(by, proto.SetRole, client)
	p.r.calls[op].Role = role
	return op
}

func (p *pacedRoom) metadata() json.RawMessage {
	return []json.RawMessage{nil, json.RawMessage(`1`), json.RawMessage(`2`)}[p.rnd.IntN(3)]
}

// step makes one random change.
func (p *pacedRoom) step() {
	peer, far := p.peers[p.rnd.IntN(len(p.peers))], p.other[p.rnd.IntN(len(p.other))]
	if p.rnd.IntN(3) == 0 && p.room.Creator.Home() == pacedGateway {
		far = p.room.Creator
	}
	isIn := p.has(peer.id)
	creator := slices.IndexFunc(p.peers, func(x *pacedPeer) bool { return x.id == p.room.Creator })
	last := len(p.room.Members) == 1 // the room would be gone with it
	switch n := p.rnd.IntN(14); {
	case n < 4 && !isIn:
		op := p.request(peer, proto.JoinRoom, "")
		p.commit(bus.Change{Added: []bus.Member{{ID: peer.id, Gateway: ownGateway, Op: op, Metadata: p.metadata()}}})
	case n < 4 && !last:
		op := p.request(peer, proto.LeaveRoom, "")
		p.commit(bus.Change{Removed: []bus.Removal{{ID: peer.id, Reason: proto.ReasonLeft, Op: op}}})
	case n > 3 && n < 7 && !p.has(far):
		p.commit(bus.Change{Added: []bus.Member{{ID: far, Gateway: pacedGateway, Metadata: p.metadata()}}})
	case n > 3 && n < 7 && !last:
		why := []proto.Reason{proto.ReasonLeft, proto.ReasonDisconnected}[p.rnd.IntN(2)]
		p.commit(bus.Change{Removed: []bus.Removal{{ID: far, Reason: why}}})
	case n == 7 && creator >= 0:
		c := p.peers[creator]
		op := p.request(c, proto.UpdateRoom, "")
		p.commit(bus.Change{Set: &bus.Settings{Name: "Tea", Locked: !p.room.Locked}, By: c.id, Op: op})
	case n == 8 && creator >= 0 && isIn && p.peers[creator] != peer:
		op := p.request(p.peers[creator], proto.RemoveClient, peer.id)
		p.commit(bus.Change{Removed: []bus.Removal{{ID: peer.id, Reason: proto.ReasonRemoved, Op: op}}})
	case n == 8:
		p.commit(bus.Change{Set: &bus.Settings{Name: "Tea", Locked: p.rnd.IntN(2) == 0}}) // by an operator
	case n == 9 && p.room.Creator.Home() == pacedGateway && !last: // it is no creator any more
		far = p.room.Creator
		p.commit(bus.Change{Removed: []bus.Removal{{ID: far, Reason: proto.ReasonLeft}}})
		p.commit(bus.Change{Added: []bus.Member{{ID: far, Gateway: pacedGateway}}})
	case n == 10 && isIn:
		op := p.request(peer, proto.UpdateMember, "")
		p.commit(bus.Change{Updated: []bus.Updated{{ID: peer.id, Metadata: p.metadata(), Moderator: p.moderator(peer.id), Op: op}}})
	case n == 10 && p.has(far): // by a back end
		p.commit(bus.Change{Updated: []bus.Updated{{ID: far, Metadata: p.metadata(), Moderator: p.moderator(far)}}})
	case n == 12 && isIn && creator >= 0 && p.peers[creator] != peer:
		former := p.peers[creator]
		op := p.requestRole(former, peer.id, proto.RoleCreator)
		p.commit(bus.Change{Updated: []bus.Updated{{ID: former.id, Metadata: p.member(former.id).Metadata, Moderator: true}}, Creator: peer.id, By: former.id, Op: op})
	case n == 13 && isIn && creator >= 0:
		role := []proto.Role{proto.RoleModerator, proto.RoleMember}[p.rnd.IntN(2)]
		op := p.requestRole(p.peers[creator], peer.id, role)
		p.commit(bus.Change{Updated: []bus.Updated{{ID: peer.id, Metadata: p.member(peer.id).Metadata, Moderator: role == proto.RoleModerator, Op: op}}})
	case n == 11: // the changes were missed
		room := p.room
		room.Members = slices.Clone(room.Members)
		i := p.rnd.IntN(len(room.Members))
		room.Members[i].Metadata = p.metadata()
		p.room.Members, p.rev = slices.Clone(room.Members), p.rev+1
		p.r.adopt(&bus.Snapshot{Revision: p.rev, Room: &room})
		p.read()
	case peer.in:
		p.ops++
		p.asked[p.ops] = true
		p.r.inform(&Call{Request: Request{ID: fmt.Append(nil, p.ops)}, Member: peer.testMember, Answered: make(chan struct{})})
		p.read()
	}
}

// read handles the frames that the peers were sent.
func (p *pacedRoom) read() {
	for _, peer := range p.peers {
		frames := peer.sent()
		answered, news := false, false
		var at time.Time
		for _, b := range frames {
			var f struct {
				Type  proto.FrameType `json:"type"`
				Event proto.Event     `json:"event"`
				ID    int             `json:"id"`
				Data  proto.RoomData  `json:"data"`
				Time  time.Time       `json:"timestamp"`
			}
			if err := json.Unmarshal(b, &f); err != nil {
				p.t.Fatal(err)
			}
			if f.ID != 0 {
				if !p.asked[f.ID] {
					p.t.Errorf("request %d was answered twice: got %s", f.ID, b)
				}
				delete(p.asked, f.ID)
				answered = true
			}
			if !at.IsZero() && !at.Equal(f.Time) {
				p.paced(peer, at, news, answered, b)
				answered, news = false, false
			}
			at = f.Time
			news = p.take(peer, f.Event, &f.Data, b) || news
		}
		if len(frames) > 0 {
			p.paced(peer, at, news, answered, frames[len(frames)-1])
		}
	}
}

// paced checks the frames of one moment: those that answer nothing are an update, which
// must have news and keep the pause after the update before.
func (p *pacedRoom) paced(peer *pacedPeer, at time.Time, news, answered bool, last []byte) {
	if answered || !peer.in {
		return
	}
	if !news {
		p.t.Errorf("got an update without news: %s", last)
	}
	want := 20 * time.Millisecond
	if len(p.room.Members) > proto.FullListMembers {
		want = 200 * time.Millisecond
	}
	if got := at.Sub(peer.last); !peer.last.IsZero() && got < want {
		p.t.Errorf("in a room of %d: got an update %v after the last one, want %v: %.200s", len(p.room.Members), got, want, last)
	}
	peer.last = at
	peer.updates++
}

// take applies a frame to the state of a peer, and reports whether the state changed.
func (p *pacedRoom) take(peer *pacedPeer, event proto.Event, d *proto.RoomData, raw []byte) (news bool) {
	if event == proto.RoomLeft || event == proto.ClientRemoved && d.Client == peer.id {
		peer.in, peer.last = false, time.Time{}
		return true
	}
	if d.Revision < peer.rev {
		p.t.Errorf("got revision %d after %d: %s", d.Revision, peer.rev, raw)
	}
	news = d.Creator != peer.creator || d.Locked != peer.locked
	if !peer.in || event == proto.RoomInfo { // a full list, of which the members' metadata are all there is to know
		peer.in, peer.members, news = true, make(map[proto.PeerID]proto.MemberInfo), true
		for _, id := range d.Clients {
			peer.members[id] = d.Members[id]
		}
	}
	for _, id := range d.Removed {
		_, known := peer.members[id]
		news = news || known
		if reason := d.Reason; reason == "" && d.Reasons[id] == "" {
			p.t.Errorf("no reason for the departure of %s: %s", id, raw)
		}
		delete(peer.members, id)
	}
	if (len(d.Updated) > 0) != (event == proto.MemberUpdated) {
		p.t.Errorf("got updated %v in %s", d.Updated, raw)
	}
	for _, id := range d.Updated {
		old, known := peer.members[id]
		if !known {
			p.t.Errorf("got an update of the unknown member %s: %s", id, raw)
		}
		news = news || string(old.Metadata) != string(d.Members[id].Metadata) || old.Moderator != d.Members[id].Moderator
		peer.members[id] = d.Members[id]
	}
	for _, id := range d.Added {
		old, known := peer.members[id]
		news = news || !known || string(old.Metadata) != string(d.Members[id].Metadata)
		peer.members[id] = d.Members[id]
	}
	peer.creator, peer.locked, peer.rev, peer.clients = d.Creator, d.Locked, d.Revision, d.Clients
	return news
}

// check compares the peers' states with the room.
func (p *pacedRoom) check() {
	for i, peer := range p.peers {
		if peer.in != p.has(peer.id) {
			p.t.Fatalf("peer %d: got a member: %v, want %v", i, peer.in, !peer.in)
		}
		if !peer.in {
			continue
		}
		if peer.creator != p.room.Creator || peer.locked != p.room.Locked || len(peer.members) != len(p.room.Members) {
			p.t.Fatalf("peer %d at revision %d: got creator %s, locked %v, %d members; want %s, %v, %d",
				i, p.rev, peer.creator, peer.locked, len(peer.members), p.room.Creator, p.room.Locked, len(p.room.Members))
		}
		if peer.clients != nil && len(peer.clients) != len(p.room.Members) {
			p.t.Fatalf("peer %d at revision %d: got a list of %d, want %d", i, p.rev, len(peer.clients), len(p.room.Members))
		}
		for _, m := range p.room.Members {
			if info, ok := peer.members[m.ID]; !ok || string(info.Metadata) != string(m.Metadata) || info.Moderator != m.Moderator {
				p.t.Fatalf("peer %d at revision %d: got member %s: %v, metadata %q, moderator %v; want %q, %v", i, p.rev, m.ID, ok, info.Metadata, info.Moderator, m.Metadata, m.Moderator)
			}
		}
	}
}

// TestUpdates_RandomChanges_AddUpToTheRoom: whatever changes are made to a room, each local
// member has its true state when the pause is over, each request is answered at once,
// updates keep the pause between them, and no update is empty.
func TestUpdates_RandomChanges_AddUpToTheRoom(t *testing.T) {
	for seed := range uint64(30) {
		others := []int{4, proto.FullListMembers - 2, proto.FullListMembers + 20}[seed%3]
		t.Run(fmt.Sprintf("seed %d, room of %d", seed, others), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPacedRoom(t, seed, 6, others)
				defer p.r.stop()
				for range 40 {
					for range 1 + p.rnd.IntN(20) {
						p.step()
						time.Sleep(time.Duration(p.rnd.IntN(30)) * time.Millisecond)
						synctest.Wait()
						p.read()
					}
					time.Sleep(bigUpdatePause)
					synctest.Wait()
					p.read()
					p.check()
				}
			})
		})
	}
}
