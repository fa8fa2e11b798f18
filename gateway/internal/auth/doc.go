// Package auth handles the credentials that a gateway checks or gives out. There are three
// kinds, with different issuers:
//
//	access token     a JWT of the operator's back end      says who the client is and what it may do
//	session token    of any gateway, signed by HMAC        says which session a client resumes
//	TURN credential  of this gateway, for a TURN server    lets a client relay media, for some hours
//
// # Access tokens
//
// A gateway asks for access tokens only when it has a [Verifier], which knows the key, or
// follows a JWKS. Verify turns a token into an [Access]: the user, the time of expiry, the
// rooms and the [Grant]s. A nil *Access allows everything: that of a gateway that asks for
// no tokens. [RequestToken] finds the token in a handshake. [Issue] makes tokens for trying
// things out. The libraries for JWT and JWKS are imported here only.
//
// # Session tokens
//
// A gateway that crashed needs nothing stored for its clients to resume elsewhere: a
// [SessionToken] has the peer, its owner, its rooms and its user. [SessionKeys] signs and
// verifies them with keys that all gateways share. The keys are configured, or the room
// service draws and rotates them and SessionKeys fetches them: every [KeyPoll], and when a
// token names a key that it does not know. Any client may invent such a key, so these
// fetches are limited, and no client waits for one for long.
//
// A good token does not prove that its session is still there or that no newer token
// replaced it. Package session and the directory decide that.
//
// # TURN credentials
//
// [ICE] lists ICE servers for a client. TURN servers that share a secret get credentials
// that expire, and that only this client's id fits.
//
// # What the package does not decide
//
// It asks nobody and answers nobody: the root package sends errors to clients, asks the
// room service, and closes connections whose token has expired. Tokens and keys appear in
// no error and no log. Expiry is measured by the time of day, which callers pass in: other
// hosts have issued the tokens.
package auth
