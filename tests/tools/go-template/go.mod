module agentweave-watcher/tests/tools/go-template

go 1.24.0
