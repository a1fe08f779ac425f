"""What a record lists is compared with what is seen: hosts, keys, fields of audit records, and a tested load."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.terms import RecordKind
from probes.controls.evidence import AgentConfigFile, EvidenceSet, LogSample, Missing, PrometheusLook, Seen
from probes.controls.evidence.alerts.prometheus import Peak, RuleBook
from probes.controls.finding import Finding
from probes.controls.judging import load_judges
from probes.controls.records import listed
from probes.controls.verdict.control import judge_control
from tests.probes.controls.judges.witnesses.found import said
from tests.probes.controls.made import AGENT, CATALOGUE, DAY, NOW, facts, pod, record

HOSTS, KEYS = (f"documentation.operational.{each}-documented" for each in ("dependencies", "configuration"))
FIELDS, PEAK = "documentation.compliance.audit-log-format", "testing.load.peak-tested"
FAMILIES = "observability.metrics.business-exported"
CONFIG = {
    "authorization": {"opa_endpoint": "http://OPA.example.org:8181", "default_action": "deny"},
    "observability": {"tracing": {"enabled": True, "endpoint": "http://traces.example.org:4317"}},
}


def finding(
    control: str,
    statement: str = "",
    previous: Finding | None = None,
    counts: Mapping[str, float] | None = None,
    **sources: object,
) -> Finding:
    """With one record that says this, and these sources."""
    kind = RecordKind.PIPELINE if counts is not None else RecordKind.ATTESTATION
    given = record(control, kind, statement=statement, counts=counts or {})
    found = {SourceName(name): Seen(each, NOW, name) for name, each in sources.items()}
    control_of = CATALOGUE.by_id[control]
    return judge_control(control_of, EvidenceSet(AGENT, found), facts(), load_judges(), [given], previous)


def config(document: Mapping[str, object] = CONFIG, *, broken: bool = False) -> AgentConfigFile:
    return AgentConfigFile(
        {} if broken else document, {(): 1}, "1.0.0", in_place=True, broken=((1, "not YAML"),) if broken else ()
    )


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("hosts: a.example.org, b.example.org", {"a.example.org", "b.example.org"}),
        ("All of it.\nHosts: `A`, 'b'; by Ann", {"a", "b"}),
        ("hosts: a\nhosts: b\nkeys: c", {"a", "b"}),
        ("hosts:", set()),
        ("The other-hosts: a", None),
        ("Our hosts are a and b.", None),
        ("", None),
    ],
)
def test_a_list_stands_after_its_name_up_to_the_end_of_the_line(statement: str, names: set[str] | None) -> None:
    assert listed(statement, "hosts") == names


@given(st.text(max_size=2000), st.sampled_from(["hosts", "keys"]))
def test_any_text_is_a_list_of_names_without_spaces_or_none(statement: str, what: str) -> None:
    found = listed(statement, what)
    assert found is None or not any(each.isspace() or "," in name for name in found for each in name)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("hosts: opa.example.org, traces.example.org", "attested"),
        ("hosts: http://opa.example.org:8181 traces.example.org:4317", "attested"),
        ("hosts: opa.example.org.", "fail Refuted: The record's list of hosts does not name the one of observability"),
        ("hosts:", "fail Refuted: The record's list of hosts does not name the one of authorization.opa_endpoint."),
        ("It is all in the wiki.", "attested"),
    ],
)  # fmt: skip
def test_each_host_that_the_config_connects_to_stands_in_the_list(statement: str, expected: str) -> None:
    assert said(finding(HOSTS, statement, agent_config=config())).startswith(expected)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("keys: authorization, observability", "attested"),
        ("keys: Authorization.*, observability.tracing", "attested"),
        ("keys: authorization", "fail Refuted: The record's list of keys does not name observability."),
        (
            "keys: authorization.opa_endpoint, observability",
            "fail Refuted: The record's list of keys does not name authorization.default_action.",
        ),
        ("No list.", "attested"),
    ],
)
def test_each_key_of_the_config_stands_in_the_list_or_one_above_it(statement: str, expected: str) -> None:
    assert said(finding(KEYS, statement, agent_config=config())).startswith(expected)


def test_a_secret_that_was_pasted_as_a_key_is_not_told() -> None:
    found = finding(KEYS, "keys: agent", agent_config=config({"sk_live_4eC39HqLyjWDarjtT1zdp7dc": 1}))
    assert found.message == "The record's list of keys does not name <not shown>."


@pytest.mark.parametrize("control", [HOSTS, KEYS])
def test_a_config_that_cannot_be_read_refutes_nothing_and_clears_nothing(control: str) -> None:
    failed = finding(control, "hosts:\nkeys:", agent_config=config())
    assert failed.state == "fail"
    assert finding(control, "hosts:\nkeys:", agent_config=config(broken=True)).state == "attested"
    assert finding(control, "hosts:\nkeys:", failed, agent_config=config(broken=True)).state == "fail"
    assert finding(control, "hosts:\nkeys:", failed).state == "fail"


@pytest.mark.parametrize(
    ("audits", "fields", "expected"),
    [
        (20, {"Decision", "caller_id", "at"}, "attested"),
        (20, {"decision"}, "fail Refuted: Of 20 audit records some have no caller_id, which the record lists."),
        (19, {"decision"}, "attested"),
    ],
)
def test_each_audit_record_has_the_fields_that_are_listed(audits: int, fields: set[str], expected: str) -> None:
    logs = LogSample(200, 200, audits=audits, audit_fields=frozenset(fields))
    assert said(finding(FIELDS, "fields: decision, caller_id", logs=logs)).startswith(expected)
    assert finding(FIELDS, "It is in the wiki.", logs=logs).state == "attested"


@pytest.mark.parametrize(
    ("peak", "expected"),
    [
        (Peak(50.0, whole=True), "attested"),
        (
            Peak(50.1, whole=False),
            "fail Refuted: In the last 30 days it had up to 50.1 requests a second, more than half of the 100 that",
        ),
        (Peak(None, whole=False), "attested"),
    ],
)
def test_a_live_peak_over_half_of_what_was_tested_refutes_the_test(peak: Peak, expected: str) -> None:
    assert said(_peak(peak)).startswith(expected)


def test_a_peak_of_some_days_does_not_clear_what_failed_and_one_of_all_does() -> None:
    failed = _peak(Peak(60.0, whole=True))
    assert failed.state == "fail"
    assert _peak(Peak(5.0, whole=False), failed).state == "fail"
    assert _peak(Peak(5.0, whole=True), failed).state == "attested"


def _peak(peak: Peak, previous: Finding | None = None) -> Finding:
    counts = {"expected_peak_requests_per_second": 40.0, "peak_requests_per_second": 100.0}
    return finding(PEAK, "", previous, counts, prometheus=PrometheusLook(RuleBook(), peak=peak))


def test_a_record_that_is_not_in_force_is_compared_with_nothing() -> None:
    lapsed = record(HOSTS, statement="hosts:", expires_at=NOW - 1)
    found: dict[SourceName, Seen[object] | Missing] = {SourceName.AGENT_CONFIG: Seen(config(), NOW, "config.yaml")}
    made = judge_control(CATALOGUE.by_id[HOSTS], EvidenceSet(AGENT, found), facts(), load_judges(), [lapsed])
    assert made.state == "expired"


@pytest.mark.parametrize(
    ("exported", "ready_for", "scraped", "expected"),
    [
        ({"searches_total", "age"}, DAY, {"search-0"}, "attested"),
        (
            {"age"},
            DAY,
            {"search-0"},
            "fail Refuted: Prometheus had no series of searches_total in 24 h, which the record",
        ),
        (set(), DAY - 1, {"search-0"}, "attested"),
        (set(), DAY, set(), "attested"),
        (None, DAY, {"search-0"}, "attested"),
    ],
)
def test_each_family_that_is_listed_has_series_in_a_day(
    exported: set[str] | None, ready_for: float, scraped: set[str], expected: str
) -> None:
    assert said(_exporting(exported, ready_for, scraped)).startswith(expected)


def test_what_prometheus_cannot_tell_does_not_clear_a_family_that_lacked() -> None:
    failed = _exporting(set(), DAY, {"search-0"})
    assert failed.state == "fail"
    assert _exporting(None, DAY, {"search-0"}, failed).state == "fail"
    assert _exporting({"searches_total", "age"}, DAY, {"search-0"}, failed).state == "attested"


def _exporting(
    exported: set[str] | None, ready_for: float, scraped: set[str], previous: Finding | None = None
) -> Finding:
    told = None if exported is None else frozenset(exported)
    look = PrometheusLook(RuleBook(), scraped=frozenset(scraped), exported=told)
    given = record(FAMILIES, statement="families: Searches_total, age")
    found = EvidenceSet(
        AGENT,
        {SourceName.PROMETHEUS: Seen(look, NOW, "prometheus")},
        {"search-0": pod("search-0", since=NOW - ready_for)},
    )
    return judge_control(CATALOGUE.by_id[FAMILIES], found, facts(), load_judges(), [given], previous)
