package proto

// Version is the version of the protocol that this package speaks.
const Version = 1

// QueryVersion is the parameter of a gateway's address by which a client says which version
// it speaks.
const QueryVersion = "version"

// Versions returns the versions that a server speaks, as Client_Details announces them.
func Versions() []int { return []int{Version} }
