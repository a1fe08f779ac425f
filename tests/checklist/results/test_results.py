"""Files of the tools of pipelines are read into counts, and what says nothing is refused.

`files/` are real outputs: of pytest 9, coverage.py 7, `opa test` 1.22, Locust 2, and CycloneDX and SPDX of our own lock
(cyclonedx-bom and spdx-tools; addresses and hashes left out).
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.checklist.results.cobertura import read_cobertura
from watcher.checklist.results.counted import Counted, UnreadableError
from watcher.checklist.results.formats import FORMATS, Format
from watcher.checklist.results.junit import read_junit
from watcher.checklist.results.k6 import read_k6
from watcher.checklist.results.locust import read_locust
from watcher.checklist.results.opa_test import read_opa_test
from watcher.checklist.results.sarif import read_sarif
from watcher.checklist.results.sbom import read_sbom
from watcher.checklist.results.trivy import read_trivy

FILES = Path(__file__).parent / "files"
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
COMPONENTS = 93
Read = Callable[[bytes], Counted]


def _file(name: str) -> bytes:
    return (FILES / name).read_bytes()


def _sarif(*results: object, rules: object = (), **run: object) -> bytes:
    tool = {"driver": {"name": "x", "rules": rules}}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": tool, "results": results, **run}]}).encode()


def _trivy(*found: object, **report: object) -> bytes:
    result = {"Target": "a", "Class": "os-pkgs", "Vulnerabilities": found}
    return json.dumps({"SchemaVersion": 2, "Results": [result], **report}).encode()


def test_junit_of_pytest_counts_each_case_once_and_what_a_suite_says_of_itself() -> None:
    counts = dict(read_junit(_file("pytest.xml")).counts)
    assert counts.pop("duration_seconds") == 0.002
    assert counts == {"tests": 4, "failures": 1, "errors": 2, "skipped": 1, "multi_agent_tests": 1}


@pytest.mark.parametrize(("file", "skipped"), [("pytest_none.xml", 0), ("pytest_skipped.xml", 1)])
def test_a_run_in_which_nothing_ran_has_no_tests(file: str, skipped: int) -> None:
    counts = read_junit(_file(file)).counts
    assert (counts["tests"], counts["skipped"]) == (0, skipped)


def test_a_suite_that_tells_of_more_failures_than_it_shows_is_believed() -> None:
    counts = read_junit(
        b'<testsuites><testsuite failures="2" errors="1"><testsuite failures="1" errors="0">'
        b'<testcase><failure/><error/></testcase><testcase status="notrun"/><testcase/>'
        b"</testsuite></testsuite></testsuites>"
    ).counts
    assert (counts["tests"], counts["failures"], counts["errors"], counts["skipped"]) == (4, 2, 1, 1)


def test_properties_of_a_suite_never_replace_what_was_counted() -> None:
    told = '<property name="tests" value="900"/><property name="calls" value="nan"/><property name="x" value="3"/>'
    counts = read_junit(f"<testsuite><properties>{told}</properties></testsuite>".encode()).counts
    assert counts == {"x": 3, "tests": 0, "failures": 0, "errors": 0, "skipped": 0, "duration_seconds": 0}


@pytest.mark.parametrize("head", [BOMB, OUTSIDE])
@pytest.mark.parametrize(
    ("read", "body"), [(read_junit, "<testsuite>&b;</testsuite>"), (read_cobertura, "<coverage/>")]
)
def test_xml_with_entities_is_refused(read: Read, body: str, head: str) -> None:
    with pytest.raises(UnreadableError, match="hostile"):
        read(f"{head}{body}".encode())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<html/>", "expected JUnit XML"),
        ("<testsuite>", "expected XML: no element found"),
        ("", "expected XML: no element found"),
        ("<testsuite>" * 200, "too many or too deep"),
        ('<?xml version="1.0" encoding="no-such"?><testsuite/>', "expected XML: unknown encoding"),
    ],
)
def test_what_is_no_junit_is_refused(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read_junit(text.encode())


def test_cobertura_of_coverage_py_is_counted_line_by_line() -> None:
    assert read_cobertura(_file("coverage.xml")).counts == {"line_ratio": 4 / 6, "lines": 6, "lines_covered": 4}


def test_a_rate_that_stands_above_no_line_is_no_figure_and_a_usual_document_type_is_read() -> None:
    usual = '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">'
    with pytest.raises(UnreadableError, match="is no figure"):
        read_cobertura(f'{usual}<coverage line-rate="1"/>'.encode())
    lines = '<class><methods><method><lines><line hits="1"/></lines></method></methods><lines>{}</lines></class>'
    two = lines.format('<line hits="1"/><line hits="00"/>')
    assert read_cobertura(f"{usual}<coverage>{two}</coverage>".encode()).counts["line_ratio"] == 0.5


def test_opa_prints_tests_or_coverage_and_tests_do_not_cover_themselves() -> None:
    assert read_opa_test(_file("opa_test.json")).counts == {"tests": 2, "failures": 0, "errors": 0, "skipped": 1}
    assert read_opa_test(_file("opa_test_failing.json")).counts["failures"] == 1
    assert read_opa_test(_file("opa_coverage.json")).counts == {"coverage_ratio": 2 / 3}
    assert read_opa_test(b"[]").counts["tests"] == 0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_file("opa_coverage_failing.txt"), "none where a test fails with --coverage: Invalid JSON"),
        (b'{"files": {"x.rego": {}}, "coverage": 0}', "is no figure"),
        (b'{"files": {"x_test.rego": {"covered_lines": 3, "not_covered_lines": 0}}}', "is no figure"),
    ],
)
def test_what_opa_printed_without_a_figure_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read_opa_test(data)


def test_sarif_counts_what_holds_by_the_level_of_result_or_rule() -> None:
    rules = [{"id": "a", "defaultConfiguration": {"level": "error"}, "properties": {"security-severity": "9.1"}}]
    counts = read_sarif(
        _sarif(
            {"ruleId": "a", "properties": {"security-severity": 7}},
            {"ruleIndex": 0},
            {"ruleId": "a", "level": "note"},
            {"ruleId": "a", "suppressions": [{"kind": "external"}]},
            {"ruleId": "a", "suppressions": [{"kind": "external", "status": "underReview"}]},
            {"ruleId": "a", "kind": "open"},
            {"ruleId": "a", "baselineState": "absent"},
            rules=rules,
        )
    ).counts
    assert counts == {"findings": 4, "errors": 3, "warnings": 0, "notes": 1, "critical": 3, "high": 1}
    without = read_sarif(_sarif({"ruleId": "b"})).counts
    assert without == {"findings": 1, "errors": 0, "warnings": 1, "notes": 0}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"version": "2.1.0", "runs": []}', "runs: List should have at least 1 item"),
        (b'{"version": "2.0.0", "runs": [{}]}', "version: Input should be '2.1.0'"),
        (_sarif(invocations=[{"executionSuccessful": False}]), "did not finish"),
        (b'{"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}', "did not finish"),
        (b"[" * 100_000, "Invalid JSON: recursion limit exceeded"),
    ],
)
def test_a_scanner_that_did_not_finish_has_no_result(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read_sarif(data)


def test_locust_is_counted_over_all_names_and_its_peak_is_a_mean_of_ten_seconds() -> None:
    counts = read_locust(_file("locust.json")).counts
    assert (counts["requests"], counts["failures"], counts["error_ratio"]) == (266, 17, 17 / 266)
    assert (counts["p50_seconds"], counts["p95_seconds"], counts["p99_seconds"]) == (0.055, 0.1, 0.17)
    assert (counts["duration_seconds"], counts["peak_requests_per_second"]) == (11.05, 24.8)
    assert counts["requests_per_second"] == pytest.approx(266 / 11.05, rel=1e-3)


def test_locust_that_requested_nothing_is_refused() -> None:
    with pytest.raises(UnreadableError, match="nothing was requested"):
        read_locust(b"[]")


def test_k6_says_the_same_in_both_of_its_forms() -> None:
    old = {"http_reqs": {"count": 3000, "rate": 50.0}, "http_req_failed": {"value": 0.01, "passes": 30, "fails": 2970}}
    took = {"avg": 41.0, "med": 40.0, "p(95)": 180.0, "p(99)": 420.0, "thresholds": {"p(95)<200": False}}
    exported = {"metrics": {**old, "http_req_duration": took, "vus": {"value": 1}}}
    new = {name: {"type": "x", "contains": "default", "values": each} for name, each in exported["metrics"].items()}
    handled = {"metrics": new, "state": {"testRunDurationMs": 60_000.0}}
    wanted = {
        "requests": 3000,
        "requests_per_second": 50,
        "duration_seconds": 60,
        "failures": 30,
        "error_ratio": 0.01,
        "p50_seconds": 0.04,
        "p95_seconds": 0.18,
        "p99_seconds": 0.42,
    }
    assert read_k6(json.dumps(exported).encode()).counts == read_k6(json.dumps(handled).encode()).counts == wanted
    del took["p(99)"]
    assert "p99_seconds" not in read_k6(json.dumps(exported).encode()).counts
    with pytest.raises(UnreadableError, match="nothing was requested"):
        read_k6(b'{"metrics": {"http_reqs": {"count": 0, "rate": 0}}}')


def test_trivy_counts_by_severity_and_says_of_which_image() -> None:
    found: list[dict[str, str]] = [{"Severity": each} for each in ("CRITICAL", "CRITICAL", "HIGH")]
    found[0]["FixedVersion"] = "1.2"
    counted = read_trivy(_trivy(*found, {}, Metadata={"RepoDigests": ["r/a@sha256:1"]}))
    assert counted.counts == {
        "critical": 2, "high": 1, "medium": 0, "low": 0, "unknown": 1, "critical_fixable": 1
    }  # fmt: skip
    assert counted.images == {"sha256:1"}


@pytest.mark.parametrize("report", [{"SchemaVersion": 2}, {"SchemaVersion": 2, "Results": [{"Class": "secret"}]}])
def test_a_report_of_trivy_in_which_no_package_was_looked_at_says_nothing(report: object) -> None:
    with pytest.raises(UnreadableError, match="no packages were looked at"):
        read_trivy(json.dumps(report).encode())


@pytest.mark.parametrize("name", ["cyclonedx.json", "spdx.json"])
def test_a_bill_of_materials_counts_its_components_but_for_what_it_is_of(name: str) -> None:
    assert read_sbom(_file(name)).counts == {"components": COMPONENTS}


def test_components_in_components_count_and_other_json_is_refused() -> None:
    nested = {"bomFormat": "CycloneDX", "components": [{"name": "a", "components": [{"name": "b"}]}]}
    assert read_sbom(json.dumps(nested).encode()).counts == {"components": 2}
    for other in (b"{}", b'{"spdxVersion": "SPDX-3.0"}', b"[]"):
        with pytest.raises(UnreadableError):
            read_sbom(other)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=40) | st.text(max_size=20).map(lambda text: json.dumps({text: [text]}).encode()))
def test_no_bytes_are_read_as_a_good_result(name: str, data: bytes) -> None:
    assert _tests_in(FORMATS[name], data) == 0


def _tests_in(form: Format, data: bytes) -> float | None:
    try:
        return form.read(data).counts.get("tests")
    except UnreadableError as error:
        return str(error).count("\n")
