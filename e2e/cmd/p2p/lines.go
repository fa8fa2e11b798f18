package main

import (
	"bufio"
	"io"
)

// maxLine bounds a line of stdin: what is beyond is dropped.
const maxLine = 4 << 10

// readLines returns a channel of the lines of r, which is closed at the end of r. A read
// cannot be interrupted: it ends with r or with the process. Nothing is sent after done.
func readLines(r io.Reader, done <-chan struct{}) <-chan string {
	lines := make(chan string)
	if r == nil {
		close(lines)
		return lines
	}
	go func() {
		defer close(lines)
		in := bufio.NewReaderSize(r, maxLine)
		for {
			b, more, err := in.ReadLine()
			if err != nil {
				return
			}
			text := string(b)
			for more && err == nil {
				_, more, err = in.ReadLine()
			}
			select {
			case lines <- text:
			case <-done:
				return
			}
		}
	}()
	return lines
}
