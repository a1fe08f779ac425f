"""What a running daemon says, in the formats that other programs read: each of the seven states, by their schemas."""

import json
from collections.abc import Mapping
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from probes.contract.picture import Bar, Picture
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.evidence import AgentRef
from tests.commands.test_readiness_schemas import JUNIT, SARIF
from tests.web.markup import Markup
from watcher.checklist.agent_report import Chosen, Report
from watcher.checklist.asked_report import report_of
from watcher.checklist.reports.html_report import as_html
from watcher.checklist.reports.junit_report import as_junit
from watcher.checklist.reports.markdown_report import as_markdown
from watcher.checklist.reports.sarif_report import as_sarif
from watcher.pictures.drawing import drawn
from watcher.pictures.shown import PicturedAgent, ProbePictures

SCRIPT = "<script>alert(1)</script>"

AT, END = "2026-11-30T11:00:00+00:00", "2027-01-31T00:00:00+00:00"
RECORD = {"by": "ann@example.org", "at": AT, "expires_at": END, "evidence_url": "", "verified": "source"}
ATTESTED = {**RECORD, "id": "file:/r.yaml:3", "kind": "attestation"}
WAIVED = {**RECORD, "id": "configmap:records/prod/w.yaml:1", "kind": "waiver"}
NEEDED = "AttestationMissing"
STATES: Mapping[str, tuple[str, str, str, object]] = {
    "deployment.resources.cpu-limits": ("pass", "pass", "", None),
    "deployment.resources.memory-limits": ("fail", "fail", "Violated", None),
    "testing.unit.pass": ("unknown", "unknown", NEEDED, None),
    "testing.unit.coverage-80": ("expired", "expired", "DigestChanged", ATTESTED),
    "testing.load.performed": ("attested", "attested", "", ATTESTED),
    "deployment.image.no-critical-vulns": ("waived", "fail", "Violated", WAIVED),
    "deployment.rollback.tested": ("not_applicable", "not_applicable", "", None),
}


def _report(*, required: bool = True, open_fails: bool = True) -> Report:
    findings = [
        {
            "control": control,
            "state": state,
            "underlying": underlying,
            "required": required,
            "reason": reason,
            "assurance": None,
            "message": "Said so.",
            "since": AT,
            "pods": {},
            "evidence": [],
            "record": record,
        }
        for control, (state, underlying, reason, record) in STATES.items()
    ]
    agent = {"namespace": "prod", "agent": "search", "profile": "checklist", "labels": {}, "findings": findings}
    answer = json.dumps({"generated_at": AT, "agents": [agent]}).encode()
    return replace(report_of(answer, load_catalogue(), Chosen()), open_fails=open_fails)


def _cases(report: Report) -> dict[str, str]:
    text = as_junit(report)
    assert list(JUNIT.iter_errors(text)) == []
    suite = ET.XML(text)[0]
    found = {str(each.get("name")): each[0].tag if len(each) else "passed" for each in suite}
    counted = [sum(tag == kind for tag in found.values()) for kind in ("failure", "error", "skipped")]
    assert [suite.get(kind) for kind in ("failures", "errors", "skipped")] == [str(each) for each in counted]
    return {STATES[name][0]: tag for name, tag in found.items()}


def test_junit_tells_what_is_open_as_an_error_and_what_is_waived_as_no_failure() -> None:
    shared = {"pass": "passed", "fail": "failure", "not_applicable": "skipped"}
    recorded = {"attested": "system-out", "waived": "system-out"}
    assert _cases(_report()) == {**shared, **recorded, "unknown": "error", "expired": "error"}
    assert _cases(_report(open_fails=False)) == {**shared, **recorded, "unknown": "skipped", "expired": "failure"}
    optional = {**shared, **recorded, "fail": "skipped", "unknown": "skipped", "expired": "skipped"}
    assert _cases(_report(required=False)) == optional


def test_junit_has_the_properties_of_a_waiver_and_of_an_attestation() -> None:
    told = {each.get("name"): each.findtext("system-out") for each in ET.XML(as_junit(_report()))[0]}
    assert told["deployment.image.no-critical-vulns"] == (
        "Warning: waived: Violated: Said so.\n[[PROPERTY|underlying=fail]]\n"
        "[[PROPERTY|waiver=configmap:records/prod/w.yaml:1]]\n"
        "[[PROPERTY|by=ann@example.org]]\n[[PROPERTY|expires=2027-01-31T00:00:00Z]]\n"
        "[[PROPERTY|verified=source]]"
    )
    attested = told["testing.load.performed"] or ""
    assert attested.startswith("attested: Said so.\n[[PROPERTY|assurance=attested]]\n[[PROPERTY|attestation=file:/r.")


def test_sarif_suppresses_what_is_waived_and_has_what_needs_a_record_reviewed() -> None:
    found = json.loads(as_sarif(_report()))
    assert [each.message for each in SARIF.iter_errors(found)] == []
    results = {STATES[each["ruleId"]][0]: each for each in found["runs"][0]["results"]}
    kinds = {state: (each["kind"], each["level"]) for state, each in results.items()}
    assert kinds == {
        "fail": ("fail", "error"),
        "unknown": ("review", "none"),
        "expired": ("review", "none"),
        "waived": ("fail", "error"),
    }
    assert results["waived"]["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "Violated: Said so."}
    ]
    assert results["waived"]["properties"]["waiver"] == "configmap:records/prod/w.yaml:1"
    assert "suppressions" not in results["fail"]


def _pictured() -> Report:
    """With one picture, whose words are a stranger's."""
    shown = drawn(
        Picture("Pool", f"9 of 10 are in use. {SCRIPT}", (), -60, 0, SCRIPT, bars=(Bar("b", "9", 9, 10),)), "a"
    )
    agent = PicturedAgent(
        "search-0", 3, {"pool": ProbePictures((shown,), more=True), "svid": ProbePictures((), failed=True)}
    )
    return replace(_report(), pictured={AgentRef("prod", "search"): agent})


def test_html_has_the_pictures_of_the_worst_pod_and_their_words_are_no_markup() -> None:
    text = as_html(_pictured())
    page = Markup(text)
    assert "As measured now Of search-0, the worst of its 3 pods." in " ".join(page.text.split())
    assert text.count('<svg class="picture"') == 1
    assert "svg.picture" in text, "their style is in it"
    assert not page.tags & {"script", "img", "link"}
    assert "The pictures of svid cannot be made" in page.text
    assert "As measured now" not in as_html(_report())
    assert "svg.picture" not in as_html(_report())


def test_markdown_has_the_words_of_a_picture_in_its_place() -> None:
    text = as_markdown(_pictured())
    escaped = SCRIPT.replace("<", "\\<").replace(">", "\\>")
    assert (
        "### As measured now\n\nOf search-0, the worst of its 3 pods.\n\n"
        f"- **Pool: {escaped}** 9 of 10 are in use. {escaped}\n"
        "- of pool the first 1 are listed, worst first\n- the pictures of svid cannot be made\n"
    ) in text
    assert "As measured now" not in as_markdown(_report())


@pytest.mark.parametrize("show", [as_html, as_markdown])
def test_people_see_the_record_and_what_would_be_without_a_waiver(show: object) -> None:
    text = as_html(_report()) if show is as_html else as_markdown(_report()).replace("\\", "")
    told = "by ann@example.org until 2027-01-31T00:00:00Z"
    assert f"Waiver configmap:records/prod/w.yaml:1 {told}, without it fail." in text
    assert f"Attestation file:/r.yaml:3 {told}." in text
