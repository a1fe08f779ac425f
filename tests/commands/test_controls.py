"""`controls`: the catalogue as text, JSON and a page, and `docs/checklist.md`, which is that page."""

import json
import re

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.judging import Registry, load_judges
from tests.repository import ROOT
from watcher.checklist.control_words import described, today
from watcher.commands.control_page import page, section
from watcher.commands.controls import controls

CATALOGUE, JUDGES = load_catalogue(), load_judges()
UNIT = "testing.unit.pass"


def test_the_page_of_the_docs_is_what_the_command_writes() -> None:
    written = (ROOT / "docs" / "checklist.md").read_text()
    assert written == page(CATALOGUE, JUDGES), "`make checklist` writes it anew"


def test_the_page_has_each_control_once_with_all_there_is_to_say() -> None:
    written = (ROOT / "docs" / "checklist.md").read_text()
    headings = [line.removeprefix("### ") for line in written.splitlines() if line.startswith("### ")]
    assert headings == [each.id for each in CATALOGUE.controls]
    for each in CATALOGUE.controls:
        told = {part.heading for part in described(each, JUDGES)}
        assert {
            "The checklist asks",
            "Who decides",
            "Pass",
            "Fail",
            "How to fix it",
            "Records",
            "Decided today",
        } <= told


def test_one_control_in_full(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert controls(UNIT, "text") == 0
    assert (
        capsys.readouterr().out
        == """\
testing.unit.pass: Tests pass
high, required, owner pipeline

The checklist asks
  Testing Checklist / Unit Tests
  Tests pass - All tests passing before deploy

Who decides
  A pipeline, by its newest result.
  It is about one agent with all its pods.

Pass
  The record for the running image digest has tests above 0, failures 0 and errors 0.

Fail
  The newest record for the digest has failures or errors above 0, or tests 0.

Unknown
  There is no valid record for the digest that runs, or that digest cannot be read.

Evidence
  record (reported, proves pass and fail, needed): a valid record for this control and subject,
  bound to the image digest that runs

How to fix it
  Fix the failing tests before you deploy. Import the JUnit file of the commit that was built.

Records
  A pipeline record is valid for up to 180 d, bound to the digest of the agent's image.
  A pipeline's result must have: tests > 0, failures = 0, errors = 0, skipped.
  It can be waived for up to 90 days.

Decided today
  By a record alone.
"""
    )


def test_the_list_has_a_line_for_each_control_and_counts_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert controls(None, "text") == 0
    *lines, empty, last = capsys.readouterr().out.splitlines()
    listed, legend = lines[: len(CATALOGUE.controls)], lines[len(CATALOGUE.controls) :]
    assert [line.split()[0] for line in listed] == [each.id for each in CATALOGUE.controls]
    assert legend == [
        "",
        "auto: The watcher, by evidence.",
        "refutable: People, by an attestation; evidence can only show that it is not met.",
        "pipeline: A pipeline, by its newest result.",
        "human: People, by an attestation.",
        "rollup: Its members.",
    ]
    assert empty == ""
    assert last == "212 controls, 106 required: 118 auto, 29 refutable, 26 pipeline, 23 human, 16 rollup"


def test_the_json_of_one_has_the_shape_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert controls(None, "json") == 0
    every = json.loads(capsys.readouterr().out)
    assert controls(UNIT, "json") == 0
    one = json.loads(capsys.readouterr().out)
    assert one["catalogue"] == every["catalogue"] == {"version": "1", "digest": CATALOGUE.digest}
    assert one["controls"] == [each for each in every["controls"] if each["id"] == UNIT]
    assert len(every["controls"]) == 212
    assert one["controls"][0]["record"] == {
        "kinds": ["pipeline"],
        "max_validity_seconds": 180 * 86400.0,
        "bind": "image_digest",
        "counts": ["tests > 0", "failures = 0", "errors = 0", "skipped"],
    }


def test_the_markdown_of_one_is_its_section_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert controls(UNIT, "markdown") == 0
    told = capsys.readouterr().out
    assert told == section(CATALOGUE.by_id[UNIT], JUDGES)
    assert told in page(CATALOGUE, JUDGES)


def test_markup_in_a_title_is_no_markup_on_the_page() -> None:
    title = 'Metric agentweave\\_circuit\\_breaker\\_state{callee="search-agent"}'
    assert f"**{title}**" in section(CATALOGUE.by_id["metrics.circuit-breaker-state"], JUDGES)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("tls13-enforced", "; did you mean security.transport.tls13-enforced?"),
        ("security.transport.tls13-enforce", "; did you mean security.transport.tls13-enforced?"),
        ("testing.unit.pas", "; did you mean testing.unit.pass?"),
        ("qqqqqqqq", ""),
    ],
)
def test_what_is_no_control_is_told_with_what_may_be_meant(
    wanted: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert controls(wanted, "text") == 2
    assert capsys.readouterr().err == f"agentweave-watcher controls: {wanted!r} is no control{told}\n"


def test_what_decides_a_control_today_is_what_has_judges() -> None:
    for each in CATALOGUE.controls:
        judged = {source for judge in JUDGES.controls.get(each.id, ()) for source in judge.sources}
        today = next(part.lines[0] for part in described(each, JUDGES) if part.heading == "Decided today")
        assert all(source in today.partition("Not yet judged")[0] for source in judged), each.id


def test_the_page_sums_up_what_decides_the_controls_today() -> None:
    written = page(CATALOGUE, JUDGES)
    counted = re.findall(r"^\| (\d+) \| (\S.*) \|$", written, re.MULTILINE)
    assert sum(int(number) for number, _ in counted) == len(CATALOGUE.controls)
    counts = {way.partition(";")[0].partition(":")[0]: int(number) for number, way in counted}
    nothing = [each for each in CATALOGUE.controls if "From no evidence: it is unknown." in section(each, JUDGES)]
    assert (nothing, counts.get("by nothing yet")) == ([], None), "each control is decided by something"
    by_source = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|$", written, re.MULTILINE))
    judged = [each for each in CATALOGUE.controls if SourceName.AGENT_CONFIG in today(each, JUDGES).judged]
    assert int(by_source["agent_config"]) == len(judged)


def test_a_control_of_which_needed_evidence_is_not_judged_can_not_pass_today() -> None:
    control = CATALOGUE.by_id["security.identity.spire-configured"]  # needs a handshake, may be refuted by the config

    def told(*sources: SourceName) -> tuple[bool, str]:
        registry = Registry()
        for source in sources:
            registry.judge(control.id, of=[source])(lambda *_: ())
        judges = registry.found()
        [decided] = [part.lines[0] for part in described(control, judges) if part.heading == "Decided today"]
        return today(control, judges).can_pass, decided

    assert told() == (
        False,
        "From no evidence: it is unknown. Not yet judged: handshake, agent_config, kubernetes_pod.",
    )
    assert told(SourceName.AGENT_CONFIG) == (
        False,
        "From agent_config. Not yet judged: handshake, kubernetes_pod. So it can fail, but not pass yet.",
    )
    assert told(SourceName.HANDSHAKE) == (True, "From handshake. Not yet judged: agent_config, kubernetes_pod.")
