// Package client is a peer of the connector in Go: it speaks the protocol of package proto
// over one WebSocket, keeps its identity when that breaks, and leaves WebRTC to package rtc
// below it, which is a module of its own.
//
// # Connecting
//
// [Dial] connects to the first of [Options].URLs that answers, and returns a [Client] with an
// id, [Client.ID], by which other peers reach it:
//
//	c, err := client.Dial(ctx, client.Options{URLs: []string{"ws://localhost:8080"}})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//
// A server that requires an access token takes it in a header:
//
//	Header: http.Header{"Authorization": {"Bearer " + token}}
//
// # Receiving
//
// What the server sends comes in order by [Client.Frames], or one by one by [Client.Next]:
// messages and signals of other peers, which have [Frame].From, and the server's own frames,
// which [Frame.Is] tells apart. Answers to requests are not among them: the method that sent
// the request returns them. Somebody has to receive, also while a request waits: when
// [Options].Buffer frames wait, the client reads no more, answers included, and the server
// closes the connection as too slow.
//
// # Rooms
//
// [Client.Create] makes a room and [Client.Join] joins one, or makes it with
// [JoinOptions].Create. Both return the room as it is then, with its members. Later changes
// come as frames, Client_Added and Client_Removed among them, whose data [Frame.RoomData]
// reads. Take the list of clients as it is in each: one frame may cover several changes.
//
// The creator, and moderators that it appoints with [Client.SetRole], change a room with
// [Client.Update] and decide who is in it with [Client.Remove], [Client.Ban] and
// [Client.Unban]. A room may have a password, and it may be locked. A Join of a locked room
// fails, but with [JoinOptions].Ask it waits until the creator or a moderator calls
// [Client.Admit], or Remove to refuse it. They get a Waiting_Updated frame whenever others
// wait than before.
//
// # Messages
//
// [Client.Message] sends to one peer, [Client.MessageRoom] to the other members of a room,
// and [Client.Offer], [Client.Answer] and [Client.Candidate] carry signals for WebRTC. They
// do not wait for an answer. When a frame cannot be delivered, its sender gets an error
// frame; see below.
//
// # Errors
//
// The server's errors are of type [*Error]: code, a sentence that says what to do, and what it
// was about. Requests return them, and [Code] finds the code in what they return. An error
// about a frame that was only sent comes by Frames, where [Frame.Err] reads it. After
// Rate_Limited wait for RetryAfterMS; after Unavailable repeat the request.
//
// # Delivery
//
// [Client.Send] and the methods above that send messages return when the frame has been
// written, and wait while the client is disconnected. A frame in transit when the connection
// broke may be lost: only an answer, or [Client.Ping] after it, proves that the server has
// handled the frame. (A Ping does not wait for room requests without an answer, nor for
// messages behind them.) A request that had no answer when the connection broke returns
// [ErrInterrupted]: it may have taken effect. Ask for the state with [Client.Info], or repeat
// it and take Already_Exists for success.
//
// # Reconnecting
//
// After any loss other than the close codes 1000, 4001 and 4002 the client reconnects,
// to the next of its URLs, with exponential backoff and full jitter, and resumes its
// session. A Client_Details frame among the others marks the place where that happened.
// [Frame.Resumed] reads it, and the application acts on its three cases:
//
//   - Same and Recovered: the client kept its id and its rooms, and the frames that waited
//     for it follow, in order. There is nothing to do.
//   - Same only: id and rooms are kept, but frames may be lost. Call Info for each room.
//   - Neither: the session was lost, and the client is a new peer, with another id and
//     without rooms. Join them again.
//
// A server that drains announces when to reconnect, with a Server_Draining frame. The client
// stays until the server closes the connection, and reconnects at that time without backoff.
//
// # The end
//
// [Client.Close] ends the session at once: other members see that the client has left. A
// client also ends when reconnecting cannot help, because the server closed the connection
// for good or refused the access token, and when it was disconnected for
// [Options].GiveUp. Then Frames and [Client.Done] are closed, [Client.Err] says why, and
// methods return [ErrClosed]. To go on, with a fresh token for example, Dial again.
//
// # Concurrency
//
// All methods of a Client may be called by any goroutine at any time; a [Frame] belongs to
// who received it. Frames sent by one goroutine keep their order. Room requests are carried
// out one after another, messages to a room after the requests for it that were sent before.
// A context bounds the call to which it is given, never the connection.
package client
