"""Which policies do the OPAs of an agent have? Their digest, as records are bound to it.

1. It is that of `/v1/policies`; where OPA does not show them, that of its bundles' revisions.
2. Of an OPA that cannot be asked at all nothing is said here: who knows its files may.
3. What an OPA said stays while it is silent, until it is too old; then it is not known, and nobody else is believed.
4. A pod that was found a moment ago is not waited for.
"""

from collections.abc import Iterable

from probes.contract.units import say_duration
from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from probes.readings.decision import OPAReading
from probes.readings.opa_policies import digest_of_bundles
from watcher.checklist.live.known import looks
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine

OLD = 900.0
"""Seconds for which it is believed that an OPA has what it said."""

Digests = frozenset[str] | Missing | None
"""None: asking tells nothing."""

_NOT_ASKED = Missing(UnknownReason.OBSERVING, "Its OPA was not asked yet which policies it has.")
_ELSEWHERE = (UnknownReason.SOURCE_MISSING, UnknownReason.NOT_ENABLED)


def of_target(engine: Engine, state: TargetState, now: float) -> Digests:
    """By what its OPA said; `now` in steady seconds."""
    look = looks.newest(engine, state, "opa", now)
    if isinstance(look, Missing):
        return None if look.reason in _ELSEWHERE else look
    if not isinstance(look.reading, OPAReading):
        return _NOT_ASKED
    if looks.is_on_loopback(state.target, look.reading, looks.of_source(engine, state, "opa")):
        return None
    return _of_reading(look.reading, now)


def _of_reading(reading: OPAReading, now: float) -> Digests:
    told = reading.policies
    if told is None:
        return (
            Missing(UnknownReason.UNREACHABLE, reading.error or "OPA said nothing.") if reading.silent else _NOT_ASKED
        )
    if told.digest:
        return frozenset({told.digest}) if now - told.at <= OLD else _old(now - told.at)
    if not told.for_good:
        return Missing(UnknownReason.NO_DATA, told.trouble)
    by_bundles = digest_of_bundles(reading.report)
    return frozenset({by_bundles}) if by_bundles else None


def _old(age: float) -> Missing:
    return Missing(UnknownReason.STALE, f"Its OPA said {say_duration(age)} ago which policies it has.")


def together(found: Iterable[Digests]) -> Digests:
    """Of all pods of an agent."""
    told = list(found)
    digests = frozenset[str]().union(*(each for each in told if isinstance(each, frozenset)))
    missing = [each for each in told if isinstance(each, Missing)]
    troubled = [each for each in missing if each.reason is not UnknownReason.OBSERVING]
    if troubled or (missing and not digests):
        return [*troubled, *missing][0]
    return digests or None


def shown(reading: OPAReading, at: float) -> object:
    """What of it turns a verdict; `at`: of the look, in steady seconds."""
    told = reading.policies
    return told and (told.digest or (told.trouble, digest_of_bundles(reading.report)), at - told.at > OLD)
