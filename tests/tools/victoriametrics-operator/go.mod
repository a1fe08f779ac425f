module agentweave-watcher/tests/tools/victoriametrics-operator

go 1.26.0

require github.com/VictoriaMetrics/operator v0.50.0
