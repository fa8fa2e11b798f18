package dialect

// Plain has the methods of a Translator whose clients send each other no Frames: they publish
// and subscribe to topics. It does nothing.
type Plain struct{}

// Greet implements Translator.
func (Plain) Greet() bool { return true }

// Refuse implements Translator: the client learns nothing.
func (Plain) Refuse([]byte) {}

// Encode implements Translator: frames of the gateway are not for the client.
func (Plain) Encode([]byte) (text []byte, ok bool) { return nil, true }

// Verify implements Translator.
func (Plain) Verify() bool { return true }

// Restore implements Translator.
func (Plain) Restore([]byte) []byte { return nil }
