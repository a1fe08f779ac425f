"""Is the SVID replaced in time, again and again, and is it there when the pod is?"""

from collections.abc import Iterator

from probes.contract.units import say_duration
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import LivePod, MetricsLook, Missing, PodHistory, Seen
from probes.controls.judges.looked import PodCase, judge_of_pods
from probes.controls.judging import Statement

_SOURCE = SourceName.HISTORY
_LEFT = 0.20
"""Part of the old lifetime that must be left when the next SVID is first seen."""

_BY_THEN = 0.6
"""Part of a lifetime after which the next SVID is there, where it is replaced at all."""

_FIRST_OF_ITS_PROCESS = 300.0
"""Seconds after the start of a process: what it serves by then is its first SVID, which replaces none."""

_APART = 10.0
"""Seconds between two looks that are two."""

_WATCH_IS_SILENT = 120.0
"""Seconds for which a watch may say nothing; a process that begins is told at once."""

_MAYBE_RESTARTED = "A newer SVID was seen, but since then nothing tells when the process began: it may have restarted."


@judge_of_pods(_SOURCE, PodHistory, "security.identity.svid-rotation-enabled", "postdeploy.long.svid-rotation-working")
def rotation_seen(case: PodCase[PodHistory]) -> Iterator[Statement]:
    """Whether one was replaced by a newer one lately, long before its end."""
    seen, now = case.seen, case.facts.now
    lifetime = seen.not_after - seen.not_before
    if seen.served_since is None or lifetime <= 0:
        yield case.unclear(UnknownReason.OBSERVING, "No SVID was seen served yet.")
        return
    rotated, left = seen.rotated_at, seen.left
    started = None if rotated is None else _process_started(case, rotated)
    if rotated is None or now - rotated > 2 * lifetime or _is_its_first(started, rotated, lifetime):
        half = seen.served_since + lifetime / 2
        next_at = max(half, seen.not_before + _BY_THEN * lifetime)
        said = f"No rotation was seen yet; a lifetime is {say_duration(lifetime)}."
        yield case.unclear(UnknownReason.OBSERVING, said, next_at)
    elif started is None:
        yield case.unclear(UnknownReason.NO_DATA, _MAYBE_RESTARTED)
    elif left is None or left < _LEFT:
        said = "A rotation was seen, but not in time to tell how early it was."
        yield case.unclear(UnknownReason.OBSERVING, said, rotated + lifetime / 2)
    else:
        ago = say_duration(max(0.0, now - rotated))
        yield case.good(f"A newer SVID was seen {ago} ago, with {left:.0%} of the old lifetime left.")


@judge_of_pods(_SOURCE, PodHistory, "security.identity.verified-at-startup")
def verified_at_startup(case: PodCase[PodHistory]) -> Iterator[Statement]:
    """Whether the pod was Ready while several looks in a row were answered without an SVID."""
    without, ready = case.seen.without_svid, case.pod.ready_since
    if without is not None and ready is not None and ready <= without[0] and without[1] - without[0] >= _APART:
        lasted = say_duration(without[1] - without[0])
        yield case.bad(f"The pod was Ready for at least {lasted} while its port answered without an SVID.")


def _process_started(case: PodCase[PodHistory], rotated: float) -> float | None:
    """When the newest process began that could have brought another SVID then; None where nothing looked since tells.

    Not even a process that began long before, as it was last seen before that: another may have taken its place.
    """
    told: list[float] = []
    page = _since(case.of_pod(SourceName.AGENT_METRICS), rotated)
    live = _since(case.of_pod(SourceName.KUBERNETES_POD), rotated - _WATCH_IS_SILENT)
    if isinstance(page, MetricsLook) and not page.error and case.seen.process_started is not None:
        told.append(case.seen.process_started)
    if isinstance(live, LivePod) and live.agent is not None and live.agent.running_since is not None:
        told.append(live.agent.running_since)
    return max(told, default=None)


def _since(found: Seen[object] | Missing | None, moment: float) -> object:
    """What was seen at that moment (Unix seconds) or later; None where nothing was."""
    return found.value if isinstance(found, Seen) and found.observed_at >= moment else None


def _is_its_first(started: float | None, rotated: float, lifetime: float) -> bool:
    """Whether what looked like a rotation is only the first SVID of a new process."""
    return started is not None and started > rotated - min(_FIRST_OF_ITS_PROCESS, lifetime / 4)
