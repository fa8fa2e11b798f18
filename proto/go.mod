module p2pconnector/proto

go 1.26.0
