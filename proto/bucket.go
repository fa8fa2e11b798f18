package proto

// JetStream buckets. A key of RoomsBucket is a room's Token; its value is the
// room as JSON.
const (
	RoomsBucket = "rooms"
	KeysBucket  = "session_keys"
	// KeysKey is the one key of KeysBucket; its value is a KeySet.
	KeysKey = "current"
)

// BucketStream names the stream of a bucket, as NATS's own key-value tools do.
func BucketStream(bucket string) string { return "KV_" + bucket }

// BucketSubject is the subject of a key of a bucket. The key must be a room's
// Token, or a constant; "*" stands for every key of one token.
func BucketSubject(bucket, key string) string { return "$KV." + bucket + "." + key }
