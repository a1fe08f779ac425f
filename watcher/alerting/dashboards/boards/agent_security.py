"""One agent: its identity and its authorization."""

from watcher.alerting.dashboards.measures import BEGAN, EXPIRES, LIFE_LEFT, TARGETS
from watcher.alerting.dashboards.panels import CONDITIONS, Asked, Json, lines, row, timeline
from watcher.alerting.dashboards.queries import INSTALLATIONS, conditions, noted, ours
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import AGENT, POD


def told_conditions(title: str, text: str, probes: str, size: tuple[int, int]) -> Json:
    """The conditions of the probes with this matcher, over time."""
    told = f"{text}, the worst pod: critical before unknown before a warning before none."
    return timeline(title, told, [Asked(conditions(probes), "{{condition}} {{subject}}")], CONDITIONS, size)


_EXPECTED = f"max by ({POD}, spiffe_id, node, workload) ({TARGETS})"
_SERVED = (
    f"topk by ({POD}) (1, max by ({POD}, served)"
    f""" (label_replace({ours("svid_served_info")}, "served", "$1", "spiffe_id", "(.+)")))"""
)

IDENTITY = (
    row("Identity"),
    lines(
        "Lifetime of the SVID that is left",
        "Part of the served SVID's life that is left. With SPIRE it falls to about a half and jumps back; a "
        "line that goes "
        "on falling is not rotated, below zero it has expired.",
        [Asked(LIFE_LEFT, "{{pod}}")],
        unit="percentunit",
        most=1,
    ),
    told_conditions(
        "Conditions of identity", "What the handshake with the agent's mTLS port showed", 'probe="svid"', size=(12, 9)
    ),
    table(
        "Identities",
        "Who each pod is expected to be, who it is by the SVID that it serves where that is somebody else, and the "
        "dates of it.",
        "namespace agent pod spiffe_id served node workload",
        {
            "": noted(
                f"{_EXPECTED} * on ({POD}) group_left (served) {_SERVED} or {_EXPECTED} unless on ({POD}) {_SERVED}"
            ),
            "valid from": f"1000 * {BEGAN}",
            "expires": f"1000 * {EXPIRES}",
            "last rotation seen": f"1000 * max by ({POD}) ({ours('svid_last_rotation_timestamp_seconds')})",
        },
        sort="expires",
        runbook="SVIDWrongIdentity",
        renamed={"spiffe_id": "expected SPIFFE ID", "served": "served in place of it"},
        size=(16, 7),
    ),
    lines(
        "Rotations",
        "New SVIDs seen in place of the previous one.",
        [Asked(f"sum by ({POD}) (increase({ours('svid_rotations_total')}[$__rate_interval]))", "{{pod}}")],
        size=(8, 7),
    ),
)


def _quantile(of: float) -> Asked:
    buckets = ours("opa_decision_duration_seconds_bucket", of=INSTALLATIONS)
    return Asked(
        f"histogram_quantile({of:.2f}, sum by (le) (rate({buckets}[$__rate_interval])))",
        f"p{of * 100:.0f}",
    )


AUTHORIZATION = (
    row("Authorization"),
    told_conditions(
        "Conditions of authorization",
        "What the agent's OPA decided and said of its bundles",
        'probe="opa"',
        size=(12, 10),
    ),
    lines(
        "Canaries over the fleet",
        "Questions put to every OPA of the fleet, by what had to be answered and what was. They are counted "
        "without agents, "
        "so the choice of the agent does not change this.",
        [
            Asked(
                "sum by (canary, expected, actual)"
                f" (rate({ours('opa_canary_total', of=INSTALLATIONS)}[$__rate_interval])) > 0",
                "{{canary}}: expected {{expected}}, got {{actual}}",
            )
        ],
        unit="cps",
        size=(12, 10),
    ),
    lines(
        "Time to a decision over the fleet",
        "From the question to the decision, all OPAs of the fleet together; the choice of the agent does not "
        "change this.",
        [_quantile(0.50), _quantile(0.95), _quantile(0.99)],
        unit="s",
        size=(6, 8),
    ),
    lines(
        "Slow decisions",
        "The p95 of the last decisions of the agent's OPA while it is over the limit (`probes.opa.slow_after`). "
        "Nothing here: it is not, or is unknown.",
        [Asked(f"max by ({POD}) ({ours('opa_decision_p95_seconds')})", "p95, {{pod}}")],
        unit="s",
        size=(6, 8),
    ),
    lines(
        "Age of bundles",
        "Time since OPA's last successful request for the bundle. An answer that nothing changed is a success too.",
        [
            Asked(
                f"time() - max by ({POD}, bundle) ({ours('opa_bundle_last_success_timestamp_seconds')})",
                "{{pod}} {{bundle}}",
            )
        ],
        unit="s",
        size=(6, 8),
    ),
    table(
        "Active revisions",
        "The revision of each bundle that is active, and on how many pods.",
        "namespace agent bundle revision",
        {"pods": noted(f"count by ({AGENT}, bundle, revision) ({ours('opa_bundle_info')})")},
        sort="bundle",
        runbook="OPARevisionSkew",
        size=(6, 8),
    ),
)
