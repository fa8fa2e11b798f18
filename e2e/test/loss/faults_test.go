package loss

import "time"

// Faults of a row.
const (
	none          = "none"
	freeze        = "freeze"         // NATS is frozen
	kill          = "kill"           // NATS is killed, and started again
	drain         = "drain"          // the receivers' gateway gets SIGTERM, and is started again
	killGateway   = "kill-gateway"   // the receivers' gateway is killed, and started again
	freezeGateway = "freeze-gateway" // the receivers' gateway is frozen
)

// lasting is how long a fault lasts unless a row says otherwise.
var lasting = map[string]time.Duration{
	none: 0, freeze: 6 * time.Second, kill: 2 * time.Second, drain: 2 * time.Second, killGateway: 2 * time.Second, freezeGateway: 1800 * time.Millisecond,
}

func endsGateway(fault string) bool { return fault == drain || fault == killGateway }

// lead is how long the load runs before the first fault.
const lead = time.Second

// strike injects the faults of a row, and returns when all are over.
func (w *workload) strike() {
	if w.fault == none {
		return
	}
	for at := lead; at+w.lasts <= w.duration; at += w.every {
		began := time.Now()
		if at == lead {
			pause(w.t.Context(), lead)
		}
		w.begin()
		pause(w.t.Context(), w.lasts)
		w.end()
		if w.every == 0 {
			return
		}
		if at == lead {
			began = began.Add(lead)
		}
		pause(w.t.Context(), time.Until(began.Add(w.every)))
	}
}

// target returns the gateway of the receivers.
func (w *workload) target() int {
	_, at := w.places()
	return at
}

func (w *workload) begin() {
	switch w.fault {
	case freeze:
		w.PauseNATS(w.t, true)
	case kill:
		w.KillNATS(w.t)
	case drain:
		w.StopGateway(w.t, w.target())
	case killGateway:
		w.KillGateway(w.t, w.target())
		w.out.gatewayKilled()
	case freezeGateway:
		w.PauseGateway(w.t, w.target(), true)
	}
}

func (w *workload) end() {
	switch w.fault {
	case freeze:
		w.PauseNATS(w.t, false)
	case kill:
		w.StartNATS(w.t)
	case drain, killGateway:
		w.StartGateway(w.t, w.target())
	case freezeGateway:
		w.PauseGateway(w.t, w.target(), false)
	}
}
