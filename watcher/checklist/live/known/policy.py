"""Which policy do the OPAs of an agent have? The digest to which records of the policy are bound.

Of each OPA the first of these that can be told: the texts of its modules, the revisions of its active bundles.
"""

from collections.abc import Iterable

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from probes.readings.decision import OPAReading
from probes.readings.opa.policies import LoadedPolicies, bundles_digest
from watcher.checklist.live.known import looks
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine

_NOT_YET = Missing(UnknownReason.OBSERVING, "OPA was not asked for its policy yet.")
_NONE = Missing(UnknownReason.NO_DATA, "OPA has no policy.")
_NOT_READ = Missing(UnknownReason.UNPARSEABLE, "What OPA tells of its policies cannot be read.")


def policy_of(engine: Engine, state: TargetState, now: float) -> str | Missing:
    """The digest of the policy of one target's OPA; `now` in steady seconds."""
    look = looks.newest(engine, state, "opa", now)
    if isinstance(look, Missing):
        return look
    return policy_in(look.reading) if isinstance(look.reading, OPAReading) else _NOT_YET


def policy_in(reading: OPAReading) -> str | Missing:
    """The digest of the policy that one look tells."""
    return _of_modules(reading.policies) or _of_bundles(reading) or _why_not(reading)


def policies_of(found: Iterable[str | Missing]) -> frozenset[str] | Missing | None:
    """Of all of an agent's targets; Missing where that of one of them is not known, None where there is no target."""
    every = list(found)
    lacking = next((each for each in every if isinstance(each, Missing)), None)
    if lacking is not None or not every:
        return lacking
    return frozenset(each for each in every if isinstance(each, str))


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
    if policies.status == 200:
        return _NONE if policies.read else _NOT_READ
    return Missing(UnknownReason.UNREACHABLE, "OPA did not show its policies.")
