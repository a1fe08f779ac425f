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
        "Conditions of identity", "What the handshake with the agent's mTLS port told", 'probe="svid"', size=(12, 9)
    ),
    table(
        "Identities",
        "Who each pod is expected to be, and the dates of the SVID that it really serves.",
        "namespace agent pod spiffe_id node workload",
        {
            "": noted(f"max by ({POD}, spiffe_id, node, workload) ({TARGETS})"),
            "valid from": f"1000 * {BEGAN}",
            "expires": f"1000 * {EXPIRES}",
            "last rotation seen": f"1000 * max by ({POD}) ({ours('svid_last_rotation_timestamp_seconds')})",
        },
        sort="expires",
        runbook="SVIDWrongIdentity",
        renamed={"spiffe_id": "expected SPIFFE ID"},
        size=(16, 7),
    ),
    lines(
        "Rotations",
        "SVIDs that were seen served in place of an older one.",
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
        size=(8, 8),
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
        size=(8, 8),
    ),
    table(
        "Active revisions",
        "The revision of each bundle that is active, and on how many pods.",
        "namespace agent bundle revision",
        {"pods": noted(f"count by ({AGENT}, bundle, revision) ({ours('opa_bundle_info')})")},
        sort="bundle",
        runbook="OPARevisionSkew",
        size=(8, 8),
    ),
)
