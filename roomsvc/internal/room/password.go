package room

import (
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// checkPassword refuses a password that no room can have.
func checkPassword(kind bus.Operation, p *bus.Password) *proto.Error {
	if p == nil || p.Valid() || kind == bus.OpUpdate && p.Empty() {
		return nil
	}
	return proto.Invalid("password", "password must be a salt of 16 to 64 bytes and a hash of 32, or, in an update, neither for no password.")
}

// mayPass refuses a join without the room's password. The gateway gets the salt, to hash by it
// what its client gave.
func (c *Commit) mayPass(r *bus.Request) *proto.Error {
	switch {
	case c.room.Password == nil, r.Password != nil && r.Password.Equal(c.room.Password):
		return nil
	case r.Password == nil:
		return c.wrongPassword("Room %s has a password. Send Join_Room again with data.password; its creator knows it.", r)
	}
	return c.wrongPassword("data.password is not the password of room %s. Check it, or ask the creator of the room; passwords differ in upper and lower case.", r)
}

func (c *Commit) wrongPassword(message string, r *bus.Request) *proto.Error {
	e := proto.Errorf(proto.WrongPassword, message, proto.Quote(string(r.Room)))
	e.Field, e.Salt = "password", c.room.Password.Salt
	return e
}

// setPassword replaces a room's password by p; nil leaves it, and an empty one removes it.
func setPassword(room *bus.Room, p *bus.Password) {
	if p == nil {
		return
	}
	room.Password = nil
	if !p.Empty() {
		room.Password = p
	}
}

// saltOf returns the salt of a room's password; "" when it has none.
func saltOf(room *bus.Room) string {
	if room.Password == nil {
		return ""
	}
	return room.Password.Salt
}
