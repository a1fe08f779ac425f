module agentweave-watcher/tests/tools/fleet-load

go 1.26
