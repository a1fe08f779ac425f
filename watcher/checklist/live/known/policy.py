"""Which policy do the OPAs of an agent have? The digest to which records of the policy are bound.

1. Of each OPA the first of these that can be told: the texts of its modules, the revisions of its active bundles.
2. Of one that cannot be asked from outside nothing is said here: its files stand for it, also where it shows neither.
3. One that could be asked and is silent leaves it open. Its files do not stand for it, or to block the watcher would
   bring back what they say.
4. A pod that was found a moment ago is not waited for.
"""

from collections.abc import Iterable

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from probes.readings.decision import OPAReading
from probes.readings.opa.policies import HOLDS, LoadedPolicies, bundles_digest
from watcher.checklist.live.known import looks
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine

_NOT_YET = Missing(UnknownReason.OBSERVING, "OPA was not asked for its policy yet.")
_NONE = Missing(UnknownReason.NO_DATA, "OPA has no policy.")
_ELSEWHERE = (UnknownReason.SOURCE_MISSING, UnknownReason.NOT_ENABLED)
_NOT_THERE = (404, 405, 501)
_OLD = Missing(UnknownReason.STALE, "Its OPA has not said for 15 min which policies it has.")
_NOT_READ = Missing(UnknownReason.UNPARSEABLE, "What OPA tells of its policies cannot be read.")


def policy_of(engine: Engine, state: TargetState, now: float) -> str | Missing | None:
    """The digest of the policy of one target's OPA, None where asking it tells nothing; `now` in steady seconds."""
    look = looks.newest(engine, state, "opa", now)
    if isinstance(look, Missing):
        return None if look.reason in _ELSEWHERE else look
    if not isinstance(look.reading, OPAReading):
        return _NOT_YET
    if looks.is_on_loopback(state.target, look.reading, looks.of_source(engine, state, "opa")):
        return None
    if is_old(look.reading, now):
        return _OLD
    return policy_in(look.reading)


def policy_in(reading: OPAReading) -> str | Missing:
    """The digest of the policy that one look tells."""
    return _of_modules(reading.policies) or _of_bundles(reading) or _why_not(reading)


def is_old(reading: OPAReading, now: float) -> bool:
    """Whether what OPA said of its policies proves nothing any more; `now` in steady seconds."""
    return reading.policies is not None and now - reading.policies.at > HOLDS


def policies_of(found: Iterable[str | Missing | None]) -> frozenset[str] | Missing | None:
    """Of all of an agent's targets; Missing where that of one of them is not known, None where asking tells nothing."""
    every = list(found)
    digests = frozenset(each for each in every if isinstance(each, str))
    lacking = [each for each in every if isinstance(each, Missing)]
    troubled = [each for each in lacking if each.reason is not UnknownReason.OBSERVING]
    if troubled or (lacking and not digests):
        return [*troubled, *lacking][0]
    return digests or None


def _of_modules(policies: LoadedPolicies | None) -> str:
    return policies.digest if policies is not None else ""


def _of_bundles(reading: OPAReading) -> str:
    report = reading.report
    if report is None or report.unknown is not None:
        return ""
    return bundles_digest(report.revisions)


def _why_not(reading: OPAReading) -> Missing:
    policies = reading.policies
    if policies is None:
        return Missing(UnknownReason.UNREACHABLE, reading.error[:200]) if reading.error else _NOT_YET
    if policies.status in (401, 403):
        return Missing(UnknownReason.FORBIDDEN, f"OPA does not show its policies (HTTP {policies.status}).")
    if policies.status in _NOT_THERE:
        return Missing(UnknownReason.SOURCE_MISSING, f"OPA has no list of its policies (HTTP {policies.status}).")
    if policies.status == 200:
        return _NONE if policies.read else _NOT_READ
    return Missing(UnknownReason.UNREACHABLE, "OPA did not show its policies.")
