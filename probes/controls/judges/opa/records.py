"""Does OPA record its decisions?"""

from collections.abc import Iterator
from dataclasses import replace

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, OPALook, Seen
from probes.controls.judges.looked import judge_of_pods
from probes.controls.judges.opa.case import SAID, OPACase, unanswered
from probes.controls.judging import Statement

_AUDIT = "authorization.audit.enabled"


@judge_of_pods(SourceName.OPA, OPALook, "security.authz.audit-logging-enabled")
def audit_logging(case: OPACase) -> Iterator[Statement]:
    """By its own config; where it does not, the agent may, unless its config says that it does not either."""
    logs = case.seen.reading.logs
    if logs is None:
        asked = any(each.actual in SAID for each in case.seen.reading.answers)
        yield case.unclear(UnknownReason.OBSERVING, "OPA was not asked yet.") if asked else unanswered(case)
        return
    if logs.status in (401, 403):
        said = case.unclear(UnknownReason.FORBIDDEN, f"OPA does not show its config (HTTP {logs.status}).")
    elif logs.kept is None:
        reason = UnknownReason.UNPARSEABLE if logs.status else UnknownReason.UNREACHABLE
        said = case.unclear(reason, "OPA did not show its config.")
    elif logs.kept:
        said = case.good("OPA's own config has decision logs.")
    elif _agent_records_none(case):
        said = case.bad(f"OPA's own config has no decision logs, and {_AUDIT} is false.")
    else:
        said = case.unclear(
            UnknownReason.NO_DATA, "OPA's own config has no decision logs; whether the agent records is not known."
        )
    yield replace(said, observed_at=case.seen.logs_at)


def _agent_records_none(case: OPACase) -> bool:
    found = case.evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)
    return isinstance(found, Seen) and found.value.get(_AUDIT) is False
