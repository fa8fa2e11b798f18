package main

import (
	"context"
	"flag"

	"p2pconnector/proto/client"
)

var listenCommand = command{
	name: "listen", short: "print what this peer gets",
	long: `
Connects and prints what this peer gets, one JSON object a line: first {"id":…},
which is what others send to, then every frame. It goes on until Ctrl-C; when the
connection breaks it comes back by itself, and says so by another {"id":…}.

    p2p listen
    p2p listen --count 1 | jq .data`,
	flags: func(p *program, fs *flag.FlagSet) action {
		count := fs.Int("count", 0, "`frames` after which the program ends; 0 for no end")
		return func(ctx context.Context, _ []string) error {
			if *count < 0 {
				return usagef("--count: %d is negative", *count)
			}
			return p.listen(ctx, *count)
		}
	},
}

func (p *program) listen(ctx context.Context, count int) error {
	c, err := p.dial(ctx, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := printLine(p.stdout, line{ID: c.ID()}); err != nil {
		return ignoreClosedReader(err)
	}
	for n := 0; count == 0 || n < count; n++ {
		f, err := c.Next(ctx)
		if ctx.Err() != nil {
			return nil // Ctrl-C is how it ends
		}
		if err != nil {
			return p.explain(ctx, err)
		}
		if err := printFrame(p.stdout, f); err != nil {
			return ignoreClosedReader(err)
		}
	}
	return nil
}
