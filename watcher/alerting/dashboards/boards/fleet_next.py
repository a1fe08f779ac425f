"""The fleet: what expires or runs out next, and what cannot be told."""

from watcher.alerting.dashboards.measures import CPU_USED, EXPIRES, LIFE_LEFT, NOT_CLOSED, breakers
from watcher.alerting.dashboards.panels import Asked, bars, lines, row
from watcher.alerting.dashboards.queries import INSTALLATIONS, led, noted, or_zero, ours, troubles, unknown
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import AGENT, INSTALLATION, POD

_IN_NAMESPACE = 'namespace=~"$namespace"'


def _most(value: str, by: str = AGENT) -> str:
    return f"topk(25, max by ({by}) ({value}))"


NEXT = (
    row("What expires or runs out next"),
    bars(
        "Lifetime of SVIDs that is left",
        "How many pods serve an SVID of which so many percent of its lifetime are left; -10: it has expired. "
        "SPIRE renews "
        "them at about half.",
        f'count_values by () ("percent", 10 * clamp(floor(10 * {LIFE_LEFT}), -1, 9))',
        "percent",
    ),
    table(
        "SVIDs that expire next",
        "The 25 served SVIDs with the least time left. One far below half of its life is not rotated.",
        "namespace agent pod",
        {
            "expires": noted(f"1000 * bottomk(25, {EXPIRES})"),
            "lifetime left": f"{LIFE_LEFT} and on ({POD}) bottomk(25, {EXPIRES})",
        },
        sort="expires",
        runbook="SVIDExpiryImminent",
    ),
    table(
        "Memory and pools that run out next",
        "When memory or a pool will reach its limit if it keeps rising. Only rising ones are listed, usually none.",
        "namespace agent pod pool",
        {
            "full": troubles(
                f"1000 * bottomk(25, min by ({POD}) ({ours('memory_exhaustion_timestamp_seconds')})"
                f" or min by ({POD}, pool) ({ours('pool_exhaustion_timestamp_seconds')}))"
            )
        },
        sort="full",
        runbook="MemoryExhaustionPredicted",
        renamed={"pool": "pool (else memory)"},
    ),
    table(
        "Trust bundles",
        "When the newest CA of each trust domain expires. After that no SVID of it can be verified.",
        "trust_domain",
        {
            "ends": noted(
                f"1000 * max by ({INSTALLATION}, trust_domain)"
                f" ({ours('trust_bundle_not_after_timestamp_seconds', of=INSTALLATIONS)})"
            )
        },
        sort="ends",
    ),
    row("Requests and CPU"),
    table(
        "Most errors and slow requests",
        "The 25 agents with the largest share of requests that failed, the 25 with the longest p95, and the 25 with "
        "the largest share of slow ones, over the window of the probe, on the pod where it is largest.",
        "namespace agent",
        {
            "errors": noted(_most(ours("slo_error_ratio"))),
            "p95": _most(ours("slo_latency_p95_seconds")),
            "slow": _most(ours("slo_slow_ratio")),
        },
        sort="-errors",
        runbook="ErrorRateHigh",
    ),
    table(
        "Most CPU",
        "The 25 pods that use most of their CPU limit.",
        "namespace agent pod",
        {"CPU": noted(f"topk(25, {CPU_USED})")},
        sort="-CPU",
        runbook="CPUHigh",
    ),
)

UNTOLD = (
    row("What is unknown"),
    lines(
        "Unknown verdicts by reason",
        "Unknown conditions, by reason. Those that only need more history (WarmingUp) are left out: the "
        "watcher's dashboard has them.",
        [Asked(or_zero(f"sum by (reason) ({unknown()})", "reason"), "{{reason}}")],
        stacked=True,
    ),
    table(
        "Where verdicts are unknown",
        "The 100 agents and probes with the most unknown conditions, WarmingUp left out.",
        "namespace agent probe reason",
        {"verdicts": troubles(f"topk(100, count by ({AGENT}, probe, reason) ({unknown()}))")},
        sort="-verdicts",
        runbook="VerdictUnknown",
    ),
    table(
        "Targets with problems",
        "The 100 targets with the most problems: facts of them could not be discovered, or what they say of "
        "themselves is "
        "wrong. Each is a sentence on the watcher's page.",
        "namespace agent pod",
        {"problems": troubles(f"topk(100, max by ({POD}) ({ours('target_problems')}))")},
        sort="-problems",
        runbook="TargetProblems",
        size=(10, 9),
    ),
    table(
        "Pods that are not watched",
        "Pods with the label of agents that have been no targets for a quarter of an hour, by namespace and "
        "state. Each "
        "is listed with the reason on the watcher's page, at /discovery.",
        "namespace state",
        {
            "pods": troubles(
                f"sum by ({INSTALLATION}, namespace, state)"
                f" ({led(ours('pods_not_watched', _IN_NAMESPACE, of=INSTALLATIONS))})"
            )
        },
        sort="-pods",
        size=(7, 9),
    ),
    table(
        "Subjects that are not exported",
        "Callees, pools and bundles of a target beyond the 50 that are exported, trouble first. All are "
        "judged, and shown "
        "on the watcher's page.",
        "namespace agent pod",
        {"subjects": troubles(f"topk(100, max by ({POD}) ({ours('subjects_dropped')}))")},
        sort="-subjects",
        runbook="VerdictUnknown",
        size=(7, 9),
    ),
    row("Circuit breakers"),
    lines(
        "Breakers not closed by callee",
        "How many callers have an open or half-open breaker to each callee: a callee that many give up on is "
        "the one to "
        "look at.",
        [Asked(or_zero(f"count by (callee) ({NOT_CLOSED})", "callee"), "{{callee}}")],
        stacked=True,
    ),
    breakers(),
)
