module p2pconnector/proto/client

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	go.uber.org/goleak v1.3.0
	p2pconnector/proto v0.0.0
)

replace p2pconnector/proto => ../
