package membudget

// Bounds of a derived budget, and the budget where the memory is not known, in bytes.
const (
	minDerived     = 64 << 20
	maxDerived     = 16 << 30
	unknownDerived = 256 << 20
)

// Derive returns the budget for a process that may use memory bytes; 0 means that nobody
// knows. It is half of a limit that the garbage collector keeps, and otherwise a quarter,
// because the collector then lets the heap grow to twice of what is in use.
func Derive(memory int64, collected bool) int64 {
	switch {
	case memory <= 0:
		return unknownDerived
	case collected:
		memory /= 2
	default:
		memory /= 4
	}
	return min(max(memory, minDerived), maxDerived)
}
