package permissions_test

import (
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto/bus"
)

// The subjects that each user may not use. G stands for a gateway, P for a peer
// of it, R for a room's token, S for the part of the peer's id behind the
// gateway.
var forbidden = map[string]struct{ publish, subscribe []string }{
	"gateway": {
		publish: []string{
			"p2p.gw.G.state.R",         // announce a change of a room
			"p2p.gw.G.reply.1",         // answer for the room service
			"p2p.gw.G.room.R",          // no sender
			"p2p.rooms.list",           // for operators
			"p2p.rooms.anything",       //
			"p2p.lease.G.more",         //
			"p2p.settings.rooms",       // for room services
			"p2p.sessions.anything",    //
			"$KV.rooms.R",              // write a room
			"$KV.sessions.G.S",         // change the owner of a session
			"p2p.names.anything",       //
			"$KV.names.peerjs.N",       // take a name
			"$KV.session_keys.current", // plant a signing key
			"$JS.API.STREAM.DELETE.KV_rooms",
			"$JS.API.STREAM.MSG.GET.KV_session_keys",
			"$JS.API.STREAM.MSG.GET.KV_sessions",
			"$JS.API.STREAM.MSG.GET.KV_names", // read secrets
			"$JS.API.INFO",
			"$SRV.PING",
			"_INBOX.back-end.1",    // answer a back end for the room service
			"_INBOX_roomsvc.abc.1", // answer it for JetStream
			"elsewhere",
		},
		subscribe: []string{
			">", "p2p.>", "p2p.gw.>", "p2p.rooms.*", "p2p.rooms.join", "p2p.sessions.*", "p2p.sessions.take", "p2p.names.*", "p2p.names.claim", "$KV.rooms.*", "$KV.>", "_INBOX.>", "_INBOX_roomsvc.>",
			"$SRV.PING", "$JS.EVENT.ADVISORY.>", "$SYS.>",
		},
	},
	"roomsvc": {
		publish: []string{
			"p2p.gw.G.peer.P", // send to a peer
			"p2p.gw.G.room.R.P",
			"p2p.gw.G.room.R.server",
			"p2p.gw.G.session.P", // take a session
			"p2p.gw.G.lost.1.1",
			"p2p.lease.G", // renew a gateway's lease
			"p2p.rooms.join",
			"p2p.sessions.take",
			"p2p.names.claim",
			"$JS.API.STREAM.DELETE.KV_rooms",
			"$JS.API.STREAM.DELETE.KV_sessions",
			"$JS.API.STREAM.PURGE.KV_session_keys",
			"$JS.API.STREAM.CREATE.OTHER",
			"$JS.API.STREAM.MSG.DELETE.KV_rooms",
			"$JS.API.CONSUMER.CREATE.KV_session_keys.c",
			"_INBOX_gateway.abc.1",
		},
		subscribe: []string{
			"p2p.gw.*.>", "p2p.gw.G.peer.P", "p2p.rooms.*", // not in the queue group
			"p2p.rooms.>", "p2p.sessions.*", "p2p.sessions.>", "p2p.names.*", "p2p.names.>", "$KV.rooms.>", "$KV.sessions.>", "_INBOX.>", "_INBOX_gateway.>", "$SRV.>", "$SYS.>", ">",
		},
	},
	"backend": {
		publish: []string{
			"p2p.rooms.create", "p2p.rooms.join", "p2p.rooms.leave", "p2p.rooms.resume", "p2p.rooms.sync",
			"p2p.rooms.keys",    // read the keys that sign sessions
			"p2p.sessions.take", // take a session
			"p2p.sessions.get", "p2p.sessions.end", "p2p.sessions.sync",
			"p2p.names.claim", "p2p.names.get", "p2p.names.release",
			"p2p.gw.G.room.R.P",    // send as a peer
			"p2p.gw.G.state.R",     //
			"p2p.gw.G.reply.1",     //
			"p2p.gw.G.session.P",   // take a session
			"p2p.gw.G.lost.1.1",    //
			"p2p.lease.G",          //
			"p2p.settings.rooms",   //
			"$KV.rooms.R",          //
			"$KV.sessions.G.S",     //
			"$KV.names.peerjs.N",   //
			"$JS.API.STREAM.LIST",  //
			"_INBOX_gateway.abc.1", //
		},
		subscribe: []string{
			"p2p.gw.*.>", "p2p.gw.*.peer.*", "p2p.gw.*.room.*.*", // listen to peers
			"p2p.rooms.>", "p2p.sessions.>", "p2p.names.>", "$KV.session_keys.>", "$KV.sessions.>", "_INBOX_gateway.>", "_INBOX_roomsvc.>", ">",
		},
	},
}

// TestPermissions_EachOtherSubject_IsForbidden tries each subject: the server refuses it, and the connection
// stays open.
func TestPermissions_EachOtherSubject_IsForbidden(t *testing.T) {
	s, _ := start(t, kit.Options{Gateways: 1, RoomServices: 1})
	peer := s.Dial(t, 0).ID
	real := strings.NewReplacer("G", string(peer.Home()), "P", string(peer), "R", bus.RoomToken("tea"), "S", string(peer[9:]))
	tried := 0
	for user, list := range forbidden {
		i := intrude(t, s, user)
		for _, name := range list.publish {
			t.Run(user+" publishes "+name, func(t *testing.T) {
				i.t = t
				if err := i.nc.Publish(placed(real, name), []byte("{}")); err != nil {
					t.Fatal(err)
				}
				i.refused()
			})
			tried++
		}
		for _, name := range list.subscribe {
			t.Run(user+" subscribes "+name, func(t *testing.T) {
				i.t = t
				if _, err := i.nc.SubscribeSync(placed(real, name)); err != nil {
					t.Fatal(err)
				}
				i.refused()
			})
			tried++
		}
	}
	if tried < 20 {
		t.Errorf("only %d were tried", tried)
	}
}

// placed replaces the placeholders of a subject with real names, token by token.
func placed(real *strings.Replacer, subject string) string {
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		if len(token) == 1 {
			tokens[i] = real.Replace(token)
		}
	}
	return strings.Join(tokens, ".")
}
