package roomsvc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"p2pconnector/proto/agreement"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/room"
)

// share makes the table of the settings that all instances should have in common. What it
// says applies from now on.
func (s *Service) share() {
	s.instance = strings.ToLower(rand.Text()[:8])
	s.shared = agreement.New(agreement.RoomService(s.instance), bus.SharedSettings{
		SessionGraceMS: s.cfg.SessionGrace.Milliseconds(), MaxRoomMembers: s.cfg.MaxRoomMembers,
	}, s.cfg.Logger)
	s.leases.Grace = func() time.Duration { return s.shared.Applied().SessionGrace() }
}

// limits returns the limits that apply now.
func (s *Service) limits() room.Limits {
	return room.Limits{Members: s.shared.Applied().MaxRoomMembers, Bytes: s.bytes}
}

// announceSettings publishes this instance's settings periodically until ctx ends.
func (s *Service) announceSettings(ctx context.Context) {
	tick := time.NewTicker(bus.LeaseInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.shared.Tick(s.nc.IsConnected())
		s.publishSettings(false)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	s.publishSettings(true)
}

// publishSettings publishes this instance's settings; ended marks the last time.
func (s *Service) publishSettings(ended bool) {
	data, err := json.Marshal(bus.RoomsSettings{Instance: s.instance, Settings: *s.shared.Own(), Ended: ended})
	if err == nil {
		err = s.nc.Publish(bus.RoomsSettingsSubject, data)
	}
	if err != nil { // without NATS nobody compares
		s.cfg.Logger.Debug("settings not announced", "err", err)
	}
}
