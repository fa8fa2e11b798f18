package proto

// CloseCode is a WebSocket close code that the server sends.
type CloseCode uint16

// Every close code the server sends.
const (
	CloseNormal        CloseCode = 1000 // echo of the client's own close
	CloseGoingAway     CloseCode = 1001
	CloseProtocolError CloseCode = 1002
	CloseUnsupported   CloseCode = 1003
	CloseInvalidUTF8   CloseCode = 1007
	ClosePolicy        CloseCode = 1008
	CloseTooBig        CloseCode = 1009
	CloseInternal      CloseCode = 1011
	CloseTryAgain      CloseCode = 1013
	CloseToken         CloseCode = 4001
	CloseTakenOver     CloseCode = 4002
	CloseOrigin        CloseCode = 4003
)

// CloseDoc describes one close code.
type CloseDoc struct {
	Code   CloseCode
	Reason string // sent as the reason of the close frame; at most 123 bytes
	Why    string
}

// CloseCodes lists every close code once.
var CloseCodes = []CloseDoc{
	{CloseNormal, "", "The client closed; its session ends at once."},
	{CloseGoingAway, "server is going away: connect again and resume", "The server is going away (drain): connect again, the session resumes."},
	{CloseProtocolError, "protocol error", "Bytes that are not WebSocket frames as RFC 6455 has them."},
	{CloseUnsupported, "send text frames, not binary", "A binary frame where text is spoken."},
	{CloseInvalidUTF8, "text is not valid UTF-8", "Invalid UTF-8 in a text frame."},
	{ClosePolicy, "policy violated", "Policy: flooding after Rate_Limited, too many fragments or pings, a message that took too long."},
	{CloseTooBig, "message above max_message_bytes", "A frame above max_message_bytes."},
	{CloseInternal, "a fault of the server", "A fault of the server's own."},
	{CloseTryAgain, "reading too slowly: the outbound queue is full", "The client reads too slowly and its bounded queue is full, or its address has too many connections: connect again later."},
	{CloseToken, "token missing, wrong or expired", "Token missing, wrong or expired: connect again with a fresh one."},
	{CloseTakenOver, "a newer connection took this session over", "The session was taken over by a newer connection."},
	{CloseOrigin, "the page's origin is not allowed", "The page's origin is not allowed: the server's operator can allow it."},
}

// Reason returns the default reason text of a close code.
func (c CloseCode) Reason() string {
	for _, d := range CloseCodes {
		if d.Code == c {
			return d.Reason
		}
	}
	return ""
}
