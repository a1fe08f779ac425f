"""What attempts found, as evidence for judges."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from probes.contract import Reading
from probes.contract.text import cut
from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing, Seen
from probes.readings.health.answer import HealthAnswer, Outage
from watcher.checklist.live.probing.attempts import Attempts

_FIRST = "The first probe attempt at this process is still to be made."
NOT_YET = Missing(UnknownReason.OBSERVING, _FIRST)
_NOTHING_TO_ASK = Missing(UnknownReason.SOURCE_MISSING, "No mTLS port of this pod is known.")


def evidence(
    attempts: Attempts | None, outages: Sequence[Outage], now: float, date_of: Callable[[float], float]
) -> Seen[object] | Missing:
    """What one source saw last of a pod, or why nothing was seen; no attempts: there is nothing to ask.

    `outages`: of the pod's agent; `now`: steady seconds, of which `date_of` gives the date.
    """
    if attempts is None:
        return _NOTHING_TO_ASK
    reading, next_at = attempts.reading, date_of(max(now, attempts.due))
    if reading is None:
        reason = UnknownReason.UNREACHABLE if attempts.trouble else UnknownReason.OBSERVING
        return Missing(reason, attempts.trouble or _FIRST, next_at)
    if isinstance(reading, HealthAnswer) and outages:
        reading = replace(reading, outages=tuple(outages))
    key, address = attempts.state.target.key, attempts.state.target.address or ""
    ref = f"pod/{key.namespace}/{key.pod}:{address.rpartition(':')[2]}"
    return Seen(reading, date_of(attempts.at), ref, cut(reading.summary), next_at)


def kept(reading: Reading) -> Reading:
    """What is kept of a reading, without what it cost: the agents of a fleet are alike, and share one object."""
    return _shared(replace(reading.remembered(), cpu=0.0))


@lru_cache(maxsize=1024)
def _shared(reading: Reading) -> Reading:
    return reading
