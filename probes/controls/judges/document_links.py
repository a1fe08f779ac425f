"""Is the document still there to which a record or an alert links? Whether its text is right, people know."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import DocumentLinks, EvidenceSet, Missing, Seen
from probes.controls.judging import Facts, Says, Statement, judge

SOURCE = SourceName.DOCUMENT_LINK
_DEAD_AFTER, _LOOKS = 7 * 86400.0, 3
"""Seconds for which a link must have been dead, and looks that must have said so."""

_OPERATIONAL = (
    *("architecture-diagram", "dependencies-documented", "configuration-documented", "runbooks-created"),
    *("troubleshooting-guide", "disaster-recovery-plan"),
)
_DEVELOPER = (*("api-documentation", "setup-instructions", "testing-guide", "contribution-guide", "code-comments"),)
_COMPLIANCE = (
    *("data-flow-diagram", "access-control-matrix", "audit-log-format", "compliance-controls", "privacy-policy"),
)

_OF_ALERTS = ("documentation.operational.runbooks-created", "observability.alerts.runbooks-created")
"""Whose documents alerts name, too."""


@judge(
    *(f"documentation.operational.{each}" for each in _OPERATIONAL),
    *(f"documentation.developer.{each}" for each in _DEVELOPER),
    *(f"documentation.compliance.{each}" for each in _COMPLIANCE),
    "deployment.rollback.procedure-documented",
    "security.authz.emergency-access-documented",
    "observability.alerts.runbooks-created",
    of=[SOURCE],
)
def is_there(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether a link was dead for a week, by three looks at least."""
    found = evidence.of(SOURCE, DocumentLinks)
    for link in () if isinstance(found, Missing) else found.value.dead.get(control.id, ()):
        if facts.now - link.since >= _DEAD_AFTER and link.looks >= _LOOKS:
            days = (facts.now - link.since) / 86400
            told = f"The document that {link.linked_by} links to has not been there for {days:.0f} days: {link.why}."
            yield Statement(SOURCE, Says.BAD, told, link.url, at_once=True)
    if isinstance(found, Seen) and found.value.untold and control.id in _OF_ALERTS:
        told = "The runbooks of its alerts are not known yet."
        yield Statement(SOURCE, Says.UNCLEAR, told, reason=UnknownReason.NO_DATA)
