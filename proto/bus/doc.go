// Package bus is the protocol of Peer2Peer Connector behind its gateways: the messages that
// gateways, room services and back ends exchange over NATS. This comment is the
// specification; the rest of the package states the same in code, and its tests hold the
// two together. Package proto has the frames that clients and gateways exchange. The
// versions of both go together: see proto.Version.
//
// Messages are JSON, except frames, which are published as their receivers get them. A
// request that the room service refuses is answered with a proto.Error.
//
// The file nats.conf in this folder configures the NATS servers. It has a user for each
// kind of program, which may use exactly the subjects that it needs.
//
// # Identities and subjects
//
// A gateway id is eight hex digits, drawn when it starts. A peer id is a UUID of
// version 8 whose first group is the id of the gateway that issued it, so the id
// alone says where to publish. An id is checked or encoded before it becomes
// part of a subject; a room id stands there in base64url without padding.
//
//	p2p.gw.<g>.peer.<peer>         a finished frame for a peer
//	p2p.gw.<g>.room.<room>.<from>  a finished frame for g's members of a room except <from>
//	                               ("server" when a back end publishes; <from>_<v> when the
//	                               sender chose its receivers by revision v of the room)
//	p2p.gw.<g>.state.<room>        Change: what a commit did to a room
//	p2p.gw.<g>.session.<peer>      SessionMessage, answered by Handoff: a session moves
//	p2p.gw.<g>.sent.<h>.<n>.<b>    the reply subject of the n-th relay from g to gateway h, of
//	                               which those below b are acknowledged (<b>_<e>_<t> when the
//	                               sender's session is in epoch e, or the receiver's in t)
//	p2p.gw.<g>.ack.<h>             Ack: which of g's relays gateway h acknowledges
//	p2p.gw.<g>.link.<h>            Poll: gateway h asks g for an Ack
//	p2p.gw.<g>.reply.<n>           Reply to request n
//	p2p.to.<peer>                  a finished frame of a back end for a peer, wherever it is
//	p2p.rooms.<operation>          Request: create, join, leave, end, remove, unban, role,
//	                               admit, update, member, resume, get, sync, keys, list
//	p2p.sessions.<operation>       SessionRequest: take, get, end, sync
//	p2p.lease.<g>                  Lease: gateway g is alive
//	p2p.settings.rooms             RoomsSettings: the settings of a room service
//
// Gateway g subscribes to p2p.gw.<g>.>, to all leases and settings, and in the queue group
// "gateways" to p2p.to.*, whatever the number of its peers and rooms. ParseInbound
// parses the subject of a message and refuses any that no builder of this package
// makes.
//
// # Relays
//
// The relays from one gateway to another are numbered from 1, without gaps: a link.
// The sender's gateway keeps each until an Ack covers it. The receiver's gateway accepts
// them in sequence only, so each is delivered once, in order, or not at all. An Ack
// covers all numbers below its next: the receiver's gateway has queued those relays for a
// connection, keeps them for a peer that is away, or refuses them. A refusal has an error code, for a room message with the members that it did
// not reach, or names the gateway that the peer has moved to (moved): then the
// sender's gateway sends it there. Unauthorised means that the peer does not accept frames
// of the sender. Within 16 seconds of a change of a room that both are in, the header
// P2p-Shared of the relay has the room's token and its revision. A gateway whose copy of the
// room is older does not refuse the relay before it has that revision.
//
// An Ack comes at once for a refusal, a hole (next is missing although later ones came) or
// a Poll; else after 256 relays or 64 KiB, or a second. Its refusals begin at the number
// from: a gateway that has an older unacknowledged relay has missed an Ack, and polls.
// When an Ack proves relays missing, the sender's gateway publishes again from the lowest
// unacknowledged number on. It never does so on a timer alone. When NATS reports that
// nobody subscribes (status 503 on the reply subject), or a relay is unacknowledged for
// 1.5 seconds, the sender's gateway polls. It gives a relay up after 1.5 seconds of 503,
// when the other gateway's lease has run out, or after 10 seconds in which it was itself
// connected and running. The sender of a relay that was given up or refused gets one
// error.
//
// A gateway links only to gateways whose lease it has received. A link holds at most
// 8,192 unacknowledged relays or 4 MiB, all links of a gateway 64 MiB; what is beyond, and
// what comes while the gateway is cut off from NATS, is refused with Unavailable and
// has no number.
//
// A peer is at its home unless a later route is known: from a refusal, from what the peer
// itself sends, from a room, or from the session directory. A relay carries the epoch of
// the receiver's session by which it was routed; a gateway that serves a later epoch
// refuses it, as moved to itself, because earlier relays may still come back. A relay
// carries the epoch of the sender's session too: a receiver that has got a relay of a
// later epoch refuses those of earlier epochs. Frames for a peer whose route has changed
// wait until the relays on the former link are acknowledged, and those that come back
// from there go first. A member for whom frames wait gets a room message in a relay of
// its own; the header P2p-Except of the relay to the room names such members. A gateway
// times some of its relays for its metrics: the header P2p-Sent has the moment at which
// it got the frame, in Unix nanoseconds.
//
// A back end publishes to a peer without such a reply subject: below the peer's home,
// which redirects it when the peer has moved, or to p2p.to.<peer> when the home may be
// gone. With a reply subject below _INBOX_lost it gets an Outcome there: on p2p.to
// always, else when the frame was not delivered.
//
// # Rooms and changes
//
// Bucket "rooms" (JetStream key-value) holds each Room as JSON under its token;
// the key's revision is the room's revision. Every write is a compare-and-set on
// it, so any number of room services may work on one room. A Request carries an
// operation id; the room remembers it for 30 seconds, and a retry gets the same
// answer and changes nothing. A refusal changes nothing in the first place; it is
// remembered when the request says that it is a retry, so that no copy of it that
// is still on its way takes effect later. Gateways retry for up to 12 seconds. After a
// commit the room service publishes one Change to each gateway that had or has a
// member. A gateway whose replica is not at Before waits 100 ms for what is
// missing and then fetches the room; every 15 seconds, and after it was cut off,
// it asks with sync which of its rooms differ.
//
// The revisions of a bucket begin at the microseconds since 1970 at which it was made.
// So they are above those of any earlier bucket that JetStream has lost, and a Reply
// says where they begin (first). Room services look at the buckets every second and
// make those anew that are gone. A gateway ends its rooms below first with
// Room_Deleted, reason lost, at its next sync at the latest. It does not write them
// back: gateways' copies differ in age, and none is proven to be the newest. A sync
// without rooms asks whether rooms can be changed: the answer is Unavailable when
// JetStream has failed for 10 seconds, which is longer than an election takes.
//
// A Request of a peer carries the epoch of its session (see the session
// directory). The first request of a later epoch, whatever it asks for, moves the
// peer's member record to the gateway that sent it; a request of an earlier epoch
// than the record's is refused, and its error has epoch. The room remembers a
// member's epoch for as long as the operations that removed it, so that a late
// Join of a former owner does not bring the peer back.
//
// Peers that wait to be admitted stand in the room's value (waiting), with the gateway and
// the epoch of their sessions, like members. Their gateways get every Change of the room, end
// the wait of a peer whose session ends or that nobody has admitted in time, and show the
// peer nothing of the room. A Change names peers that begin to wait, or have moved, in waiting, and those that do
// not wait any more in added when they were admitted, else in withdrawn. A room service that
// does not know waiting or banned drops them when it writes the room.
//
// A room ends with a delete marker in place of the value. The marker holds a
// RoomTombstone, from which requests that are repeated get their answer again.
//
// A room's password is a Password: PBKDF2 with HMAC-SHA-256, 10,000 iterations, of the text by
// a random salt, a text of 16 to 64 bytes. Gateways hash, not the room service, whose workers must not be
// kept busy by guesses: a join with another Password than the room's is answered
// Wrong_Password with the room's salt, and the gateway, if its client gave a text, hashes that
// by the salt and asks again. Answers and changes have the salt without the hash. A member
// that resumes needs no password.
//
// Buckets have a limit, because JetStream refuses every write to what is full, delete
// markers too. While a bucket holds more than half of its limit, what would make it grow is
// refused with Limit_Exceeded: create, join, an update that is longer than what it replaces,
// take of a session and claim of a name without an entry. When JetStream itself has no storage left, what
// ends is purged, which frees the space for its marker. If that does not
// suffice, there is no marker, and a repeated request finds that there is no such room.
//
// Bucket "session_keys" holds a KeySet under "current": the first key signs session tokens,
// all of them verify. A new key stands second for ten minutes before it signs, so that
// every gateway has it when the first token comes that it has signed. A gateway asks for
// the keys every five minutes, and when a token names a key that it does not have. Its
// request carries the keys that it holds. Room services restore those that are lost and not
// older than 48 hours and 10 minutes, so that sessions can resume. To revoke keys, stop the
// gateways before the bucket is deleted.
//
// A topic, in which clients of other protocols publish and subscribe, is a room too: see
// TopicRoom. Its members are the gateways with subscribers, each as the peer TopicMember;
// nobody else may join it, and no client can name it. Its frames have the publication as
// their data.
//
// # The session directory
//
// Bucket "sessions" says which gateway owns a session that has moved: a SessionEntry
// with owner and epoch under <home>.<rest of the peer's id>. No entry means that
// the peer's home owns it, in epoch 0. Room services alone write it; any of them
// answers. Each owner has an epoch of its own, one above the last, and one
// compare-and-set per move decides whose it is.
//
//	take  peer, owner, epoch, revision, attempt: owner takes the session over. epoch is the
//	      last known one and 1, revision that of the entry that was seen, 0 for none.
//	      attempt is a number that no other attempt of owner has.
//	      Answer: the entry; refused is moved (with the entry that is there, whose
//	      owner is to be asked) or ended.
//	get   peer: the entry; without revision there is none, or it says ended.
//	end   peer, owner, epoch, revision if known: the session is over. refused is moved
//	      when another gateway owns it. A session that never moved has nothing to
//	      write, which is a success.
//	sync  owner, sessions (at most 512 of peer and epoch): those that owner does not own
//	      in that epoch, each with the entry that is there.
//
// Answers are linearizable. A take or an end may be repeated: when the entry is
// what the request wants, of the same attempt, the answer is success. What was refused takes no effect
// later. Unavailable leaves the outcome open, and so does a missing answer: ask
// again.
//
// An epoch never falls while a gateway or a client may remember it. A session that
// has ended leaves a tombstone for 15 minutes, which is longer than any session
// grace; where an epoch above 0 is known and no entry is there, the session has
// ended too, also when JetStream has lost the bucket; only then can epochs begin
// again at 1. When the owner is gone for longer than the session grace, room
// services end what it owned.
//
// # The directory of names
//
// Bucket "names" says which peer a name stands for, in the namespace of the protocol that
// uses it: a NameEntry with peer, owner and secret under <namespace>.<name as base64url>.
// Room services alone write it; any of them answers.
//
//	claim    namespace, name, peer, owner, secret, revision: peer, which owner serves, takes
//	         the name. revision is that of the entry that was seen, 0 for none. Answer: the
//	         entry; refused is changed when the entry has another revision, and taken when
//	         its peer has another secret, unless force says that this peer is known to be
//	         gone.
//	get      namespace, name: the entry; free when nobody has the name.
//	release  namespace, name, peer: peer gives the name back. refused is changed when
//	         another peer has it.
//	list     namespace: up to 1,000 names that somebody has, and whether there are more.
//
// Answers but that to list are linearizable. A claim or a release may be repeated: when the entry is what
// the request wants, the answer is success. A name that was given back leaves a tombstone
// for 2 minutes, whose revision the next claim must know: so no late copy of a claim brings
// a peer back that has left. A secret is a digest of what a client gave, and no answer
// shows it. When the owner is gone for longer than the session grace, room services give
// back the names of its peers. A gateway caches which peer a name stands for; when that peer
// is not found, it asks again.
//
// # Session moves
//
// A session token says who issued it, in which epoch, and on which connection of it. The
// gateway that a client resumes at asks the owner that the token names with a
// SessionMessage. The owner reads the old connection to its end, closes it, and answers
// with a copy of what it has (lent): the frames that wait, the rooms, whose frames the
// peer accepts, and the epochs of senders. From then on it refuses frames for the peer as moved. The other gateway takes
// the next epoch in the directory, makes the rooms name it, serves the client, and
// reports this to the former owner (seated). An owner that knows a later owner names it;
// when the owner is gone, the directory names the later one. When no gateway has the
// session any more, the resuming gateway goes on without a copy, and the client gets
// recovered: false.
//
// A copy is good for the epoch above its own. The lender keeps it until the new owner
// itself reports that it has the session (seated, or its answer to confirm). At the end of
// the grace, or when the client comes back to it, it competes for the next epoch like any
// other gateway. A gateway that was cut off or frozen, or that received no lease of
// another gateway for a while, compares its sessions with the directory, and gives up
// those that it does not own: it closes their connections with 1001 and reports every
// frame that their clients have not confirmed.
//
// # Leases
//
// A gateway publishes its Lease every second. A program that receives none for 5 seconds,
// by its own clock and while it was itself connected, treats the gateway as dead.
// Its peers stay members for the session grace; then room services remove those
// whose member record still names it. A lease that has ended is the gateway's last:
// it serves no peer any more.
//
// A Lease carries the gateway's SharedSettings: those about sessions and rooms. A room
// service publishes its own as RoomsSettings, every second and at once when a gateway
// appears. Gateways and room services subscribe to both, compare them with their own, and
// obey the smallest value of each setting, until its instance has ended or has sent nothing
// for 10 seconds.
//
// # Glossary
//
// These are words of the services. Those of clients end the documentation of package
// proto.
//
//	owner       the gateway that serves a session
//	home        the gateway that issued a peer's id; its first owner
//	epoch       counts the owners of a session, from 0, the home; a message of an
//	            earlier epoch is old
//	handoff     the copy of a session that its owner gives to the next one
//	lent        the state of a session between its handoff and the next owner's first message
//	moved       the state of a session that another gateway owns: frames are redirected
//	link        the numbered stream of relays from one gateway to another
//	window      the relays of a link that are not acknowledged yet
//	ack         says which numbers were taken, and which were refused and why
//	hole        a number that is missing between those that came
//	poll        asks for an ack
//	route       which gateway a peer's frames go to, and in which epoch
//	fence       the newest epoch of each sender; what is older is refused
//	barrier     a number up to which all must be acknowledged before others may follow
//	lease       says every second that a gateway is alive
//	name        what clients of another protocol call a peer
//	directory   the bucket that says who owns each session that has moved
//	tombstone   what the directory, or a bucket, keeps of what has ended
//	replica     a gateway's copy of a room that has members there
//	requester   who sends a room service a request; an op id makes it idempotent
package bus
