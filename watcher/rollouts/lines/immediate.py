"""The lines of the immediate window: pods, their health checks, logs, metrics."""

from watcher.rollouts.lines.conditions import at_the_end, true_ones
from watcher.rollouts.lines.said import Said, failed, no_data, not_applicable, passed, settling
from watcher.rollouts.lines.sight import Sight
from watcher.rollouts.requests.log_lines import LEAST_LINES, is_worse
from watcher.rollouts.terms import Window

_HEALTH = ("AgentUnreachable", "AgentRestarting")
_METRICS = ("MetricsUnavailable",)
_RESTARTS = 3
"""Of one container, which a wait for what it needs does not explain."""


def pods_running(sight: Sight, window: Window) -> Said:
    """All that are wanted run and are Ready."""
    pods = sight.rollout.pods
    if sight.rollout.stuck:
        return failed("Stuck", sight.rollout.stuck, *sight.events)
    wanted = pods.updated if pods.wanted is None or sight.rollout.is_canary else pods.wanted
    if _is_good(sight):
        return passed(f"{pods.ready} of {wanted} pods are Ready.", *_canary(sight))
    return _not_yet(sight, window, f"{pods.ready} of {wanted} pods are Ready.", *sight.events)


def health_checks(sight: Sight, window: Window) -> Said:
    """Kubelets find them healthy, and so do our own handshakes."""
    if restarted := [each for each in sight.pods if each.restarts >= _RESTARTS]:
        first = restarted[0]
        ended = f" ({first.ended})" if first.ended else ""
        return failed("Restarts", f"Pod {first.name} restarted {first.restarts} times{ended}.")
    if trouble := true_ones(sight, _HEALTH):
        pod, first_condition = trouble[0]
        why = f"{first_condition.condition} ({first_condition.reason}) on pod {pod}."
        return failed(first_condition.reason, why, conditions=(first_condition.condition,))
    if trouble := true_ones(sight, _HEALTH, held=0.0):
        return _not_yet(sight, window, f"{trouble[0][1].condition} is true on pod {trouble[0][0]}.")
    if _is_good(sight):
        restarts = sum(each.restarts for each in sight.pods)
        told = f"{restarts} restarts." if restarts else "No restarts."
        return passed("All pods passed their readiness checks.", told)
    unready = [each.name for each in sight.pods if not each.is_ready]
    return _not_yet(sight, window, f"Pod {unready[0]} is not Ready." if unready else "All pods are Ready.")


def logs(sight: Sight, window: Window) -> Said:
    """Not more lines are errors or warnings than before; who logs too little, or for the first time, is not judged."""
    found, new = sight.logs, sight.logs.new
    if not found.are_read:
        return not_applicable("Logs are not read.")
    if new is None:
        why = found.why or "No lines of the new pods were read."
        return settling(why) if found.is_asked else _not_yet(sight, window, why)
    told = f"{new.bad} of the newest {new.lines} lines are errors or warnings"
    if new.lines < LEAST_LINES:
        said = no_data(f"{told}; too few have a level.", lacks=f"{new.lines} lines with a level")
        return said if sight.is_over(window) else settling(said.message)
    if found.before is None or found.before.lines < LEAST_LINES:
        return no_data(f"{told}; nothing to compare with.", lacks="no lines of the revision before")
    against = f"{told}; before {found.before.bad} of {found.before.lines}."
    return failed("WorseThanBefore", against) if is_worse(new, found.before) else passed(against)


def metrics(sight: Sight, window: Window) -> Said:
    """The page of each pod can be read."""
    if trouble := true_ones(sight, _METRICS):
        pod, standing = trouble[0]
        why = f"The metrics of pod {pod} cannot be read: {standing.reason}."
        return failed(standing.reason, why, conditions=_METRICS)
    found = [each for pod in sight.pods for each in sight.conditions.get(pod.name, ()) if each.condition in _METRICS]
    if not found and any(each.name in sight.conditions for each in sight.pods):
        return not_applicable("No metrics endpoint of it is known.")
    if found and (_is_good(sight) or sight.is_over(window)):
        return at_the_end(sight, found, "The metrics endpoint of each pod was read.")
    return _not_yet(sight, window, "Not all pods were looked at.")


def _is_good(sight: Sight) -> bool:
    """All wanted pods Ready and good for long enough, or to the end of the window."""
    if sight.good_since is None:
        return False
    return sight.now - sight.good_since >= sight.windows.good_for or sight.is_over(Window.IMMEDIATE)


def _not_yet(sight: Sight, window: Window, told: str, *evidence: str) -> Said:
    """As long as it makes progress, a large rollout may take longer than the window: then it is only told so far."""
    is_under_way = sight.ready is None and not sight.rollout.stuck
    if not sight.is_over(window) or is_under_way:
        return settling(told, *evidence)
    return no_data(told, *evidence)


def _canary(sight: Sight) -> tuple[str, ...]:
    old = sight.rollout.pods.old
    return (f"{old} pods run the revision before beside them.",) if old else ()
