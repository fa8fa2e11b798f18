package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"p2pconnector/proto"
)

// row is one attack of the table.
type row struct {
	name, title string
	flags       []string      // of the server, beside its defaults
	members     int           // honest members of the room; 0: there is no room
	metadata    int           // bytes of each member's metadata
	creates     bool          // the attacker creates the room, before anybody joins
	stalls      bool          // the network of the inside pair's receiver can stall
	quiet       time.Duration // how long the honest pairs talk before the attack; 0: quietTime
	lasts       time.Duration // the attack, at most
	settles     time.Duration // for which the attack is watched after its last frame
	attack      func(ctx context.Context, t *trial) error
	most        bound
}

// bound is what the limits of the server promise about an attack, with room for a busy
// machine. 0 is no bound.
type bound struct {
	out    int // bytes a second to all clients
	memory int // bytes of the server's memory, as the system counts them
	gained int // of what the row is for: rooms or credentials
}

// shortAttack is enough for a bucket to show what it lets through in the long run.
const shortAttack = 8 * time.Second

// longAttack is enough for the attackers that need time to get in.
const longAttack = 20 * time.Second

// smallStore is what JetStream may hold where an attack fills it, in bytes.
const smallStore = 12 << 20

// serverMemory is the memory limit of the server, as a container or GOMEMLIMIT sets it. The
// default of --max-buffer-bytes is half of it.
const serverMemory = 512 << 20

var tableRows = []row{
	{
		name: "fanout", title: "a member posts 64 KB at 200/s into a room of 1,000",
		members: 1000, lasts: shortAttack, attack: fanout(200), most: bound{out: 64 << 20},
	},
	{
		name: "fanout-slow", title: "the same at 2/s",
		members: 1000, lasts: shortAttack, attack: fanout(2), most: bound{out: 32 << 20},
	},
	{
		name: "room-info", title: "`Room_Info` at 200/s of a room of 1,000 with metadata",
		members: 1000, metadata: 900, lasts: shortAttack, attack: roomInfo, most: bound{out: 15 << 20},
	},
	{
		name: "update-room", title: "`Update_Room` with 8 KB at 200/s in a room of 1,000",
		members: 1000, creates: true, lasts: shortAttack, attack: updateRoom, most: bound{out: 48 << 20},
	},
	{
		name: "rooms", title: "400 peers of one address make 64 rooms each, and leave all at once",
		lasts: longAttack + leaveTime, attack: manyRooms, most: bound{gained: 4000},
	},
	{
		name: "away", title: "900 peers of one address go away, and get frames from 100 others",
		lasts: longAttack, settles: 2 * time.Second, attack: buffered(true), most: bound{memory: serverMemory},
	},
	{
		name: "unread", title: "900 connections of one address never read, and get frames from 100 others",
		lasts: 2 * longAttack, settles: 2 * time.Second, attack: buffered(false), most: bound{memory: serverMemory},
	},
	{
		name: "stranger", title: "a stranger sends 60 KB at 200/s to a peer whose network stalls for 3 s",
		stalls: true, lasts: shortAttack, attack: stranger,
	},
	{
		name: "ice", title: "`Ice_Servers` at 200/s",
		flags: []string{"--turn-urls", "turn:turn.example.com", "--turn-secret", "a secret that is long enough for a test"},
		lasts: shortAttack, attack: iceServers, most: bound{gained: 2},
	},
	{
		name: "store", title: "rooms with 8 KB until JetStream is full (12 MiB)",
		flags: []string{"--max-store", fmt.Sprint(smallStore)}, lasts: longAttack, attack: fullStore, most: bound{gained: 600},
	},
}

func fanout(perSecond int) func(context.Context, *trial) error {
	frame := fmt.Appendf(nil, `{"event":"Message","room":%q,"data":%q}`, theRoom, strings.Repeat("x", 65_000))
	return func(ctx context.Context, t *trial) error {
		return t.sendAtRate(ctx, perSecond, true, func(int) []byte { return frame })
	}
}

func roomInfo(ctx context.Context, t *trial) error {
	frame := fmt.Appendf(nil, `{"event":"Room_Info","data":{"room":%q}}`, theRoom)
	return t.sendAtRate(ctx, 200, true, func(int) []byte { return frame })
}

// updateRoom uses the connection that has created the room. When the server ends it, the
// attack is over: another member is the creator then.
func updateRoom(ctx context.Context, t *trial) error {
	metadata := strings.Repeat("x", 8100)
	stop := context.AfterFunc(ctx, func() { _ = t.creator.Close() })
	t.sendOver(ctx, t.creator, 200, 0, func(i int) []byte {
		return fmt.Appendf(nil, `{"event":"Update_Room","data":{"room":%q,"metadata":"%d%s"}}`, theRoom, i, metadata)
	})
	t.end(ctx, t.creator, stop)
	return nil
}

// iceServers counts the credentials that one peer gets.
func iceServers(ctx context.Context, t *trial) error {
	var mu sync.Mutex
	credentials := map[string]bool{}
	t.got.inspect = func(payload []byte) {
		_, rest, found := bytes.Cut(payload, []byte(`"username":"`))
		if !found {
			return
		}
		name, _, _ := bytes.Cut(rest, []byte(`"`))
		mu.Lock()
		credentials[string(name)] = true
		mu.Unlock()
	}
	err := t.sendAtRate(ctx, 200, false, func(int) []byte { return []byte(`{"event":"Ice_Servers"}`) })
	mu.Lock()
	defer mu.Unlock()
	t.got.noted(len(credentials), "credentials")
	return err
}

// makeRooms makes rooms with one connection, one after another, until ctx ends or one is
// refused. The rooms stay until the connection closes.
func (t *trial) makeRooms(ctx context.Context, peer, rooms int, metadata string) error {
	c, err := t.dialAttacker(ctx)
	if err != nil {
		return err
	}
	c.Start()
	for i := range rooms {
		answer, err := c.request(ctx, string(proto.CreateRoom), fmt.Sprintf(`{"room":"%d-%d","metadata":%s}`, peer, i, metadata))
		if err != nil {
			return err
		}
		t.got.add(answer)
		if answer != string(proto.RoomCreated) {
			return nil
		}
	}
	return nil
}

// ignoreEnd returns err, unless ctx has ended: connections end with it.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
