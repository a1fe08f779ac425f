"""Which evidence of the catalogue no judge reads: a closed list of what is left, with why."""

from probes.controls.catalogue.control import Control, SourceName
from probes.controls.catalogue.terms import Automation
from probes.controls.judging import load_judges
from tests.probes.controls.made import CATALOGUE
from tests.repository import ROOT
from watcher.checklist.control_words import today

S = SourceName
HERE = frozenset({S.LOGS, S.TRACES, S.SCANNER_REPORT, S.DOCUMENT_LINK, S.HISTORY, S.OPA, S.AGENT_METRICS})
NOT_JUDGED = {
    ("reliability.shutdown.requests-drained", S.HISTORY): "errors around the end of a pod are not counted",
}
"""Of the sources `HERE`, whose evidence is gathered; a record alone decides these, or a rollout, or nothing."""


def test_what_is_gathered_is_judged_or_stands_in_the_list() -> None:
    judges = load_judges().controls
    without = {
        (control.id, spec.source)
        for control in CATALOGUE.controls
        for spec in control.evidence
        if spec.source in HERE and not any(spec.source in each.sources for each in judges.get(control.id, ()))
    }
    assert without <= set(NOT_JUDGED)


def _decided(control: Control) -> bool:
    """Whether it can pass and fail: by evidence that is judged, by records, or by its members."""
    if control.automation is Automation.ROLLUP:
        return all(each in CATALOGUE.by_id for each in control.members)
    if control.automation is not Automation.AUTO:
        return control.record is not None
    found = today(control, load_judges())
    can_fail = any("fail" in spec.proves for spec in control.evidence if spec.source in found.judged)
    return found.can_pass and can_fail


def test_each_control_can_be_decided() -> None:
    assert not {control.id for control in CATALOGUE.controls if not _decided(control)}


def test_the_page_of_the_checklist_has_no_control_that_nothing_can_decide() -> None:
    parts = (ROOT / "docs" / "checklist.md").read_text().split("\n### ")[1:]
    told = {part.partition("\n")[0]: part.partition("Decided today: ")[2].partition("\n")[0] for part in parts}
    assert told.keys() == CATALOGUE.by_id.keys()
    assert all(told.values())
    assert not {name for name, said in told.items() if "From no evidence" in said or "not pass yet" in said}
