"""`record import`: real files of tools become one record that is valid, and what would not be is refused with why."""

import time
from pathlib import Path

import pytest
import yaml

from probes.controls.catalogue.loading import load_catalogue
from probes.controls.records import problems
from probes.controls.records.document import Origin, record_of
from watcher.cli import main

FILES = Path(__file__).parents[1] / "checklist" / "results" / "files"
IMAGE = f"sha256:{'a' * 64}"
RUN = "https://ci.example.org/runs/17"


def _run(control: str, *arguments: str) -> int:
    about = ["--namespace", "prod", "--agent", "search,router", "--run", RUN]
    return main(["record", "import", "--control", control, *about, *arguments])


def _junit(tmp_path: Path, cases: str = "<testcase/>") -> str:
    file = tmp_path / "junit.xml"
    file.write_text(f"<testsuite>{cases}</testsuite>")
    return str(file)


def test_a_result_is_one_valid_record_with_the_counts_that_the_control_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at, image = "2026-11-23T09:00:00Z", f"r.example.org/search@{IMAGE}"
    assert _run("testing.unit.pass", "--junit", _junit(tmp_path), "--image", image, "--at", at) == 0
    out, err = capsys.readouterr()
    document = yaml.safe_load(out)
    assert err == ""
    assert document.pop("statement").startswith("Read from junit.xml sha256:")
    assert len(document.pop("evidence_sha256")) == 64
    assert document == {
        "kind": "pipeline",
        "control": "testing.unit.pass",
        "revision": 1,
        "environment": "production",
        "namespace": "prod",
        "agents": ["search", "router"],
        "bind": {"image_digests": [IMAGE]},
        "evidence_url": RUN,
        "by": "pipeline",
        "at": at,
        "expires_at": "2027-05-22T09:00:00Z",
        "run_id": RUN,
        "counts": {"errors": 0, "failures": 0, "skipped": 0, "tests": 1},
    }
    record = record_of(yaml.safe_load(out), Origin("x", "x"))
    assert problems(record, load_catalogue().by_id, (), time.time()) == ()


def test_a_run_that_failed_is_written_too_and_what_it_breaks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("testing.unit.pass", "--junit", str(FILES / "pytest_none.xml"), "--image", IMAGE) == 0
    out, err = capsys.readouterr()
    assert yaml.safe_load(out)["counts"]["tests"] == 0
    assert err == "the result does not keep the control's rule: tests > 0\n"


def test_shards_of_a_run_are_added_up_and_counts_by_hand_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = ["--junit", _junit(tmp_path), "--junit", str(FILES / "pytest.xml"), "--image", IMAGE]
    by_hand = ["--count", "capabilities=2", "--count", "capabilities_tested=2"]
    assert _run("testing.unit.written", *shards, *by_hand) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    assert found["counts"] == {"tests": 5, "capabilities": 2, "capabilities_tested": 2}
    assert found["statement"].endswith(" Given by hand: capabilities, capabilities_tested.")
    assert "evidence_sha256" not in found


def test_tests_and_coverage_of_a_policy_are_one_record_of_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--opa-test", str(FILES / "opa_test.json"), "--opa-test", str(FILES / "opa_coverage.json")]
    assert _run("security.authz.opa-policies-tested", *files, "--policy", IMAGE) == 0
    out, err = capsys.readouterr()
    assert yaml.safe_load(out)["bind"] == {"policy_digest": IMAGE}
    assert yaml.safe_load(out)["counts"] == {"tests": 2, "failures": 0, "errors": 0, "coverage_ratio": 2 / 3}
    assert err == "the result does not keep the control's rule: coverage_ratio >= 0.80 if given\n"


def test_hostile_names_stay_text_and_the_record_can_be_a_file(tmp_path: Path) -> None:
    said = "yes: [a]\x85 # \u2028\U000e0001 é 'x' \"y\""
    file = tmp_path / "record.yaml"
    arguments = ["--locust", str(FILES / "locust.json"), "--statement", said, "--file", str(file)]
    assert _run("testing.load.performed", *arguments) == 0
    assert yaml.safe_load(file.read_text())["statement"].startswith(f"{said} Read from locust.json sha256:")
    assert "bind" not in yaml.safe_load(file.read_text())


@pytest.mark.parametrize(
    ("control", "arguments", "said"),
    [
        ("testing.unit.passes", [], "'testing.unit.passes' is no control; did you mean testing.unit.pass?"),
        ("deployment.resources.cpu-limits", [], "a machine decides this control; no record counts for it"),
        ("documentation.operational.runbooks-created", [], "only people can say this; see `record attest`"),
        ("testing.unit.pass", ["--junit", "no-such"], "no-such: No such file or directory"),
        ("testing.unit.pass", ["--junit", "{}/coverage.xml"], "expected JUnit XML, whose first element is"),
        (
            "testing.unit.pass",
            ["--junit", "{}/pytest.xml"],
            "NotBound: it names no image digest; give it with --image",
        ),
        ("testing.unit.coverage-80", ["--image", IMAGE], "CountMissing: it has no line_ratio; no file says it"),
        (
            "testing.unit.coverage-80",
            ["--coverage", "{}/coverage.xml", "--count", "line_ratio=1"],
            "0.666667 elsewhere",
        ),
        (
            "testing.load.performed",
            ["--count", "requests=1", "--at", "2099-01-01T00:00:00Z"],
            "FutureDated: it is dated",
        ),
        ("testing.load.performed", ["--count", "requests=1", "--at", "yesterday"], "--at: "),
        ("testing.load.performed", ["--expires", "2099-01-01"], "ValidityTooLong: it holds longer than 180 days"),
        ("testing.load.performed", ["--environment", "a b"], "environment: expected to match pattern"),
    ],
)
def test_what_would_be_invalid_is_refused_in_words(
    control: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(control, *[each.format(FILES) for each in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("agentweave-watcher record: ")
    assert said in err


def test_a_scan_of_another_image_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "trivy.json"
    other = f"r.example.org/search@sha256:{'b' * 64}"
    report.write_text(
        f'{{"SchemaVersion": 2, "Metadata": {{"RepoDigests": ["{other}"]}}, "Results": [{{"Class": "os-pkgs"}}]}}'
    )
    wanted = "deployment.image.no-critical-vulns", "--trivy", str(report), "--image"
    assert _run(*wanted, IMAGE) == 2
    assert f"the report is of another image: sha256:{'b' * 64}\n" in capsys.readouterr().err
    assert _run(*wanted, other) == 0


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "large.sarif").open("wb") as file:
        file.truncate(200 << 20)
    assert _run("testing.security.sast", "--sarif", str(tmp_path / "large.sarif"), "--image", IMAGE) == 2
    assert "large.sarif: it is over 64 MiB" in capsys.readouterr().err
