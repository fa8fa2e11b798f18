package frames

import "p2pconnector/proto"

// NotDelivered is the error for a frame that may not have reached its receiver.
func NotDelivered(to proto.PeerID) *proto.Error {
	return proto.Errorf(proto.NotDelivered, "The frame may not have reached client %s: it is reconnecting, reads too slowly, or a server has failed. Send it again in a moment.", to)
}

// NotAccepted is the error for a frame that its receiver does not accept. It reveals that
// the peer exists, because its sender can do something about it, and has got the id from
// somebody who knew: ids cannot be guessed.
func NotAccepted(to proto.PeerID) *proto.Error {
	return proto.Errorf(proto.Unauthorised, "Client %s accepts frames from members of its rooms only, or from nobody. Join one of its rooms and send the frame again in a moment, or send a Message to the room.", to)
}

// RoomNotReached is the error for a message that some members of its room may not have got.
func RoomNotReached(room proto.RoomID) *proto.Error {
	return proto.Errorf(proto.NotDelivered, "The message may not have reached every member of room %s. Send it again to those in `clients`, or to all.", proto.Quote(string(room)))
}
