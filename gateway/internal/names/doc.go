// Package names asks the directory of names, which the room services keep, which peer a
// name stands for. A [Client] serves one namespace. It remembers the answers for a while,
// so that a name costs one look-up and not one for each frame.
package names
