// Package browser tests what people see and what pages import, in a real
// Chromium: connector.js, the page at /, the documents, the demo, and README's
// example. The tests skip with a message where no Chromium is installed.
//
//	go test ./e2e/test/browser
//	go test ./e2e/test/browser -run 'Screenshots|Documents' -screenshots DIR   # pictures of every page
package browser
