"""The config that stands in the contract, as an example for users."""

CONTRACT = """\
server: {host: 127.0.0.1, port: 9847}
state_dir: /var/lib/agentweave-watcher        # optional: memory windows, what was reached before, rotations seen
identity:                                     # optional: the watcher's own
  workload_api: unix:///run/spire/sockets/agent.sock
  trust_domain: example.org
discovery:
  static:
    - {namespace: prod, agent: search, pod: search-0,                    # the identity; pod defaults to agent
       address: "127.0.0.1:8443", spiffe_id: "spiffe://example.org/agent/search",
       metrics: "http://127.0.0.1:9090/metrics", memory_limit: 512Mi, cpu_limit: 2.0, pool_capacity: 100,
       opa: "http://127.0.0.1:8181", decision_path: agentweave/authz/allow,
       probes: {breaker: {when_absent: ignore}}}                         # any probe setting for this target alone
sources:                                      # how often, how patiently each kind of look is made
  handshake:     {interval: 60s, timeout: 5s}
  agent_metrics: {interval: 30s, timeout: 5s, max_bytes: 8Mi, dialects: []}
  opa:           {interval: 30s, timeout: 2s}
probes:                                       # when a reading is trouble
  svid:    {rotation_overdue_ratio: 0.40, expiry_imminent_ratio: 0.20, clock_skew: 60s}
  opa:     {canaries: [{name: search-may-index, agents: [search], expect: allow, input: {caller_spiffe_id: "${spiffe_id}", action: index}}], builtin_canaries: true, bundle_stale_after: 15m, slow_after: 100ms}
  breaker: {open_for: 60s, flapping_transitions: 4, flapping_window: 30m}
  memory:  {high_ratio: 0.90, drift_hold: 1h, exhaustion_within: 24h}
  pool:    {saturated_ratio: 0.80, exhaustion_within: 30m}
"""  # noqa: E501  as it stands in the contract
