module agentweave-watcher/tests/tools/paced-get

go 1.26
