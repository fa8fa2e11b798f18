package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// A password costs some milliseconds to hash, here and not at the room service. So a client
// has a bucket for those that it gives, and an address one for those that were wrong.

// passwordTries bounds how often one join is hashed: the room's password, and with it the
// salt, may be replaced in between.
const passwordTries = 3

// passwordLimit returns the size of both buckets for a rate; 0 or less is no limit.
func passwordLimit(perSecond int) ratelimit.Limit {
	return ratelimit.Limit{PerSecond: perSecond, Burst: 2 * perSecond}
}

// readPassword reads data.password: a text, or null for none.
func readPassword(value []byte) (*string, *proto.Error) {
	text := new(string)
	if string(value) == "null" {
		return text, nil
	}
	if json.Unmarshal(value, text) != nil || *text == "" || len(*text) > proto.MaxPasswordBytes {
		return nil, proto.Invalid("data.password", fmt.Sprintf("`data.password` must be a string of 1 to %d bytes, or null for none.", proto.MaxPasswordBytes))
	}
	return text, nil
}

// setPassword adds the password that a room is to have to the request.
func (c *Conn) setPassword(f *proto.Frame, a *roomArgs, req *bus.Request) (e *proto.Error) {
	switch sets := a.makes(f.Event) || f.Event == proto.UpdateRoom; {
	case a.Password == nil || !sets:
		return nil
	case *a.Password == "":
		if f.Event == proto.UpdateRoom {
			req.Password = new(bus.Password)
		}
		return nil
	}
	if e = c.payPassword(); e == nil {
		req.Password = bus.NewPassword(*a.Password)
	}
	return e
}

// join sends a request to join. If the room has a password, it hashes the one that the client
// gave by the room's salt and sends the request again.
func (c *Conn) join(f *proto.Frame, w *roomFrame, a *roomArgs, req *bus.Request) error {
	for range passwordTries {
		err := c.tab.cfg.Rooms.Change(c.roomCall(f, w), bus.OpJoin, req)
		wrong, is := errors.AsType[*proto.Error](err)
		if !is || wrong.Code != proto.WrongPassword || a.Password == nil || *a.Password == "" {
			return err
		}
		if req.Password != nil && req.Password.Salt == wrong.Salt {
			c.tab.cfg.Metrics.Rooms.Passwords.Inc(metrics.PasswordWrong)
			c.tab.guesses.Take(c.Addr)
			return err
		}
		if e := c.mayGuess(); e != nil {
			return e
		}
		if req.Password, err = bus.HashPassword(*a.Password, wrong.Salt); err != nil {
			return err
		}
	}
	return proto.CouldNotDo()
}

// mayGuess refuses a guess when too many of the client's address were wrong recently.
func (c *Conn) mayGuess() *proto.Error {
	if c.tab.guesses.Empty(c.Addr) {
		c.tab.cfg.Metrics.Rooms.Passwords.Inc(metrics.PasswordsOfAddress)
		return tooManyPasswords("Too many wrong passwords of your address. Wait retry_after_ms, then send this again with the right one.", time.Second)
	}
	return c.payPassword()
}

// payPassword takes a token for one password.
func (c *Conn) payPassword() *proto.Error {
	wait, _ := c.passwordRate.Take(c.tab.cfg.Clock.Load(), passwordLimit(c.tab.cfg.RoomPasswords))
	if wait == 0 {
		return nil
	}
	c.tab.cfg.Metrics.Rooms.Passwords.Inc(metrics.PasswordsOfClient)
	return tooManyPasswords(fmt.Sprintf("Too many passwords: this server takes %d a second from a client. Wait retry_after_ms, then send this again.", c.tab.cfg.RoomPasswords), wait)
}

func tooManyPasswords(message string, wait time.Duration) *proto.Error {
	return &proto.Error{Code: proto.RateLimited, Message: message, RetryAfterMS: max(1, wait.Milliseconds())}
}
