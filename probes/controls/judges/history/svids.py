"""Is the SVID replaced in time, again and again, and is it there when the pod is?"""

from collections.abc import Iterator

from probes.contract.units import say_duration
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import PodHistory
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


@judge_of_pods(_SOURCE, PodHistory, "security.identity.svid-rotation-enabled", "postdeploy.long.svid-rotation-working")
def rotation_seen(case: PodCase[PodHistory]) -> Iterator[Statement]:
    """Whether one was replaced by a newer one lately, long before its end."""
    seen, now = case.seen, case.facts.now
    lifetime = seen.not_after - seen.not_before
    if seen.served_since is None or lifetime <= 0:
        yield case.unclear(UnknownReason.OBSERVING, "No SVID was seen served yet.")
        return
    rotated, left = seen.rotated_at, seen.left
    if rotated is None or now - rotated > 2 * lifetime or _is_its_first(seen, rotated, lifetime):
        half = seen.served_since + lifetime / 2
        next_at = max(half, seen.not_before + _BY_THEN * lifetime)
        said = f"No rotation was seen yet; a lifetime is {say_duration(lifetime)}."
        yield case.unclear(UnknownReason.OBSERVING, said, next_at)
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


def _is_its_first(seen: PodHistory, rotated: float, lifetime: float) -> bool:
    """Whether what looked like a rotation is only the first SVID of a new process."""
    started = seen.process_started
    return started is not None and started > rotated - min(_FIRST_OF_ITS_PROCESS, lifetime / 4)
