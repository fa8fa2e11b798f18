package bus

import "time"

// RoomsSettingsSubject is the subject on which room services publish their RoomsSettings.
const RoomsSettingsSubject = "p2p.settings.rooms"

// RoomsSettings is what a room service publishes every LeaseInterval. A gateway's settings
// are in its Lease.
type RoomsSettings struct {
	Instance string         `json:"instance"` // drawn at its start: see ValidInstance
	Settings SharedSettings `json:"settings"`
	Ended    bool           `json:"ended,omitempty"` // the last message: the instance stops
}

// ValidInstance reports whether s can name an instance of a room service: 1 to 32 small
// letters and digits.
func ValidInstance(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 32
}

// SharedSettings holds the settings that instances of a deployment should have in common,
// because they are about sessions and rooms, which no instance has to itself. Zero means
// that an instance does not have the setting.
type SharedSettings struct {
	SessionGraceMS    int64 `json:"session_grace_ms,omitempty"`
	MaxRoomMembers    int   `json:"max_room_members,omitempty"`
	MaxRoomIDBytes    int   `json:"max_room_id_bytes,omitempty"`
	MaxRoomNameBytes  int   `json:"max_room_name_bytes,omitempty"`
	MaxMetadataBytes  int   `json:"max_metadata_bytes,omitempty"`
	MaxMemberMetadata int   `json:"max_member_metadata_bytes,omitempty"`
}

// SharedSettingNames lists the settings by the names of their flags.
var SharedSettingNames = []string{
	"session-grace", "max-room-members", "max-room-id-bytes", "max-room-name-bytes", "max-metadata-bytes", "max-member-metadata-bytes",
}

// Values returns the values in the order of SharedSettingNames. The first is in
// milliseconds.
func (s SharedSettings) Values() [6]int64 {
	return [...]int64{
		s.SessionGraceMS, int64(s.MaxRoomMembers), int64(s.MaxRoomIDBytes), int64(s.MaxRoomNameBytes),
		int64(s.MaxMetadataBytes), int64(s.MaxMemberMetadata),
	}
}

// SessionGrace returns how long a peer may be away.
func (s SharedSettings) SessionGrace() time.Duration {
	return time.Duration(s.SessionGraceMS) * time.Millisecond
}

// Stricter returns the smaller of each setting of s and o, which is the stricter one. A
// limit is kept only if every instance keeps it. Of two graces the shorter is stricter:
// the instance that has it ends sessions and memberships, which no other instance can
// undo, so a longer one would let a client resume what has ended elsewhere.
func (s SharedSettings) Stricter(o SharedSettings) SharedSettings {
	return SharedSettings{
		SessionGraceMS: smaller(s.SessionGraceMS, o.SessionGraceMS), MaxRoomMembers: smaller(s.MaxRoomMembers, o.MaxRoomMembers),
		MaxRoomIDBytes: smaller(s.MaxRoomIDBytes, o.MaxRoomIDBytes), MaxRoomNameBytes: smaller(s.MaxRoomNameBytes, o.MaxRoomNameBytes),
		MaxMetadataBytes: smaller(s.MaxMetadataBytes, o.MaxMetadataBytes), MaxMemberMetadata: smaller(s.MaxMemberMetadata, o.MaxMemberMetadata),
	}
}

// smaller returns the smaller of a and b that is above 0; no setting is below.
func smaller[T int | int64](a, b T) T {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}
