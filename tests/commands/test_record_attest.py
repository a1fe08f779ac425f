"""`record attest` and `record waive`: what they write is what the daemon reads; what would be invalid is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probes.controls.records import problems
from tests.checklist.live.records.made import read_text
from tests.probes.controls.made import CATALOGUE, SHA
from watcher.cli import main

DIAGRAM, CPU = "documentation.operational.architecture-diagram", "deployment.resources.cpu-limits"
WHO = ["--namespace", "prod", "--by", "ann@example.org", "--approved-by", "bob@example.org"]
FACTS = [*WHO, "--agent", "search, billing", "--at", "2026-01-10T09:00:00Z", "--expires", "2026-03-01"]
EVIDENCE = ["--evidence", "https://wiki.example.org/diagram"]


def until(days: int) -> str:
    """A date so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def call(*arguments: str) -> int:
    try:
        return main(["record", *arguments])
    except SystemExit as error:
        return int(error.code or 0)


def test_what_is_written_is_a_valid_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "record.yaml"
    asked = [*WHO, "--agent", "search, billing", "--expires", until(30), "--statement", "yes: # \u2028no"]
    assert call("attest", DIAGRAM, *asked, *EVIDENCE, "--file", str(file)) == 0
    assert call("waive", CPU, *asked, "--reason", "accepted-risk", "--version", "2.*") == 0
    text = file.read_text() + capsys.readouterr().out
    first, second = read_text(text)
    for read in (first, second):
        assert read.record is not None
        assert problems(read.record, CATALOGUE.by_id, (), read.record.at) == ()
        assert read.record.agents == ("search", "billing")
    assert second.record is not None
    assert (second.record.kind, second.record.reason, second.record.version) == ("waiver", "accepted-risk", "2.*")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["attest", "documentation.operational.architecture-diagramm", *FACTS, *EVIDENCE], f"did you mean {DIAGRAM}?"),
        (["attest", DIAGRAM, *FACTS, *EVIDENCE], "it has ended already"),
        (["attest", DIAGRAM, *WHO, "--expires", "9999-01-01", *EVIDENCE], "expected a time from 2000 to 2100"),
        (
            ["attest", DIAGRAM, *WHO, "--expires", "2026-03-01", *EVIDENCE],
            "NoSubject: it names no namespace or",
        ),
        (["attest", DIAGRAM, *FACTS, "--evidence", "ftp://x"], "evidence_url: expected to match pattern"),
        (["attest", DIAGRAM, *FACTS, *EVIDENCE, "--approved-by", "Ann@example.org"], "SelfApproved"),
        (["attest", "reliability.error-handling.graceful-degradation", *FACTS, *EVIDENCE], "is no control"),
        (["attest", DIAGRAM, *FACTS, *EVIDENCE, "--image", SHA], "the control binds its records to no digest"),
        (
            ["attest", "security.transport.mtls-required", *FACTS, *EVIDENCE],
            "NotNeeded: a machine decides",
        ),
        (["waive", "security.transport.mtls-required", *FACTS, "--reason", "planned-fix"], "NotWaivable"),
        (["waive", CPU, *FACTS], "--reason"),
        (["waive", CPU, *FACTS, "--reason", "because"], "invalid choice"),
        (["attest", DIAGRAM, *FACTS], "--evidence"),
    ],
)
def test_what_would_be_invalid_is_refused_with_why(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert told in said.err
    assert "Traceback" not in said.err


def test_a_file_that_cannot_be_written_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["attest", DIAGRAM, *WHO, "--agent", "search", "--expires", until(30), *EVIDENCE]
    assert call(*asked, "--file", str(tmp_path / "no" / "record.yaml")) == 2
    assert "No such file or directory" in capsys.readouterr().err
