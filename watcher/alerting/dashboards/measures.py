"""What of agents several panels show."""

from watcher.alerting.dashboards.panels import Json
from watcher.alerting.dashboards.queries import ours, troubles
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import POD

TARGETS = ours("target_info")
NOT_CLOSED = ours("circuit_breaker_state", 'state!="closed"')
EXPIRES = f"min by ({POD}) ({ours('svid_not_after_timestamp_seconds')})"
BEGAN = f"max by ({POD}) ({ours('svid_not_before_timestamp_seconds')})"
LIFE_LEFT = f"({EXPIRES} - time()) / ({EXPIRES} - {BEGAN})"
"""By pod: the part of the lifetime of its SVID that is left."""

MEMORY_USED = f"max by ({POD}) ({ours('memory_rss_bytes')}) / max by ({POD}) ({ours('memory_limit_bytes')})"
POOL_USED = f"max by ({POD}, pool) ({ours('pool_in_use')}) / max by ({POD}, pool) ({ours('pool_capacity')})"
CPU_USED = f"max by ({POD}) ({ours('cpu_usage_cores')}) / max by ({POD}) ({ours('cpu_limit_cores')})"
"""As parts of what there may be."""

ENDS_OF_SVIDS = ("SVIDExpired", "SVIDExpiryImminent", "SVIDRotationOverdue")


def breakers(title: str = "Breakers that are not closed", size: tuple[int, int] = (12, 9)) -> Json:
    """Which, and since when."""
    opened = f"max by ({POD}, callee) ({ours('circuit_breaker_open_since_timestamp_seconds')})"
    return table(
        title,
        "Open and half-open breakers, and since when each was first seen not closed.",
        "namespace agent pod callee state",
        {
            "not closed since": troubles(
                f"1000 * max by ({POD}, callee, state) ({NOT_CLOSED}) * on ({POD}, callee) group_left () {opened}"
            )
        },
        sort="not closed since",
        runbook="CircuitBreakerOpen",
        size=size,
    )
