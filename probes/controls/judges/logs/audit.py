"""Do audit records arrive? What OPA's own config says of its decision logs decides."""

from collections.abc import Iterable

from probes.controls.judges.logs.case import LogCase, log_judge
from probes.controls.judging import Statement


@log_judge("security.authz.audit-logging-enabled")
def audit_records(_: LogCase) -> Iterable[Statement]:
    """Nothing: how many decisions were made in an hour is not counted, so lines could not be compared with it."""
    return ()
