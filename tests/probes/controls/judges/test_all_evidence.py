"""Which evidence of the catalogue no judge reads: a closed list of what is left, with why."""

from probes.controls.catalogue.control import SourceName
from probes.controls.judging import load_judges
from tests.probes.controls.made import CATALOGUE

S = SourceName
HERE = frozenset({S.LOGS, S.TRACES, S.SCANNER_REPORT, S.DOCUMENT_LINK, S.HISTORY, S.OPA, S.AGENT_METRICS})
NOT_JUDGED = {
    ("documentation.compliance.audit-log-format", S.LOGS): "records have no list of fields to compare with",
    ("observability.metrics.business-exported", S.AGENT_METRICS): "records have no list of families to compare with",
    ("reliability.shutdown.requests-drained", S.HISTORY): "errors around the end of a pod are not counted",
    ("security.authz.policy-version-controlled", S.OPA): "records have no revision to compare with",
    ("testing.load.peak-tested", S.HISTORY): "judges are not handed the peak that a record says was tested",
}
"""Of the sources `HERE`, whose evidence is gathered; a record alone decides these, or a rollout, or nothing."""

BY_RECORD_OR_MEMBERS = ("pipeline", "human", "rollup")


def test_what_is_gathered_is_judged_or_stands_in_the_list() -> None:
    judges = load_judges().controls
    without = {
        (control.id, spec.source)
        for control in CATALOGUE.controls
        for spec in control.evidence
        if spec.source in HERE and not any(spec.source in each.sources for each in judges.get(control.id, ()))
    }
    assert without <= set(NOT_JUDGED)


def test_each_control_has_a_judge_a_record_members_or_waits_for_a_witness_of_its_own() -> None:
    judges = load_judges().controls
    elsewhere = {S.PROMETHEUS, S.ALERTMANAGER, S.ROLLOUT}
    open_to_nobody = [
        control.id
        for control in CATALOGUE.controls
        if control.id not in judges
        and control.record is None
        and control.automation not in BY_RECORD_OR_MEMBERS
        and not elsewhere & {spec.source for spec in control.evidence}
    ]
    assert open_to_nobody == []
