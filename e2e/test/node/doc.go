// Package node tests connector.js in Node, without a browser. It skips when node
// is not installed.
package node
