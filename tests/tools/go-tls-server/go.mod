module agentweave-watcher/tests/tools/go-tls-server

go 1.24.0
