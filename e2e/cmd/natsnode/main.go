// Command natsnode is one NATS server with JetStream as a process of its own,
// so that it can be killed and frozen. It ends with SIGTERM.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(service.ExitCode(os.Stderr, programName, err))
}

// programName is the name in errors and in the help.
const programName = "natsnode"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if service.PrintVersion(stdout, programName, service.Build{}, args) {
		return nil
	}
	fs := flag.NewFlagSet(programName, flag.ContinueOnError)
	name := fs.String("name", "", "the server's `name`")
	listen := fs.String("listen", "", "`host:port` for clients")
	cluster := fs.String("cluster", "", "`host:port` for the other servers")
	routes := fs.String("routes", "", "`addresses` of all servers for each other, separated by commas")
	store := fs.String("store", "", "`folder` of JetStream")
	file := fs.String("file", "", "configuration `file` with users")
	look := fs.String("look", "127.0.0.1:0", "`host:port` where a test may look inside over HTTP")
	if err := service.ParseTool(fs, args, stderr, "natsnode is one NATS server with JetStream, for tests that kill and freeze it."); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	cfg := natsbox.Config{Name: *name, Listen: *listen, StoreDir: *store, File: *file, Logger: log}
	if *cluster != "" {
		cfg.Cluster = &natsbox.Cluster{Name: "chaos", Listen: *cluster, Routes: strings.Split(*routes, ","), NoAdvertise: true}
	}
	node, err := natsbox.Start(cfg)
	if err != nil {
		return err
	}
	defer node.Close() //nolint:errcheck // it removes no folder, so it cannot fail
	ln, err := net.Listen("tcp", *look)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: inside(node.NATS()), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	log.Info("natsnode serves", "addr", *listen)
	<-ctx.Done()
	srv.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// inside answers /leader with the number of servers that this server leads (0
// when it does not lead), and /subscriptions with the subjects subscribed to.
func inside(srv *server.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/leader", func(w http.ResponseWriter, _ *http.Request) {
		n := 0
		switch {
		case !srv.JetStreamIsClustered():
			n = 1
		case srv.JetStreamIsLeader():
			n = len(srv.JetStreamClusterPeers())
		}
		fmt.Fprint(w, n)
	})
	mux.HandleFunc("/subscriptions", func(w http.ResponseWriter, _ *http.Request) {
		all, err := srv.Subsz(&server.SubszOptions{Subscriptions: true, Limit: 1 << 20})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		subjects := []string{}
		for _, s := range all.Subs {
			subjects = append(subjects, s.Subject)
		}
		json.NewEncoder(w).Encode(subjects) //nolint:errcheck // the test notices a failure
	})
	return mux
}
