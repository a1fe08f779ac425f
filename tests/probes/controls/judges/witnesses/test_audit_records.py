"""Audit records of an hour against the decisions of the same hour: nothing of few, nothing of another hour."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, Arrived, LogSample, Missing, OPALook, Pod, PrometheusLook, Seen
from probes.controls.evidence.alerts.prometheus import Decided, RuleBook
from probes.readings.decision import DecisionLogs, OPAReading
from tests.probes.controls.judges.witnesses.found import finding, pod, said
from tests.probes.controls.made import NOW

AUDIT = "security.authz.audit-logging-enabled"
STDOUT: Mapping[str, object] = {"authorization": {"audit": {"enabled": True, "destination": "stdout"}}}
TO_FILE: Mapping[str, object] = {
    "authorization": {"audit": {"enabled": True, "destination": "file:///var/log/agentweave/audit.log"}}
}


def logs(audited: int | None, hour: int = 50) -> Seen[object]:
    return Seen(LogSample(200, 200, audited=audited, arrived=(Arrived("search-0", hour, 5),)), NOW, "Loki")


def decided(decisions: float, at: float = NOW, *, whole: bool = True) -> Seen[object]:
    earlier, later = Decided(at - 3000, 1.0, whole=True), Decided(at + 3000, 1.0, whole=True)
    found = earlier, Decided(at, decisions, whole=whole), later
    return Seen(PrometheusLook(RuleBook(), decided=found), NOW, "prometheus")


def told(audited: int | None, decisions: float, at: float = NOW, hour: int = 50, *, whole: bool = True,
         config: Mapping[str, object] = STDOUT, opa: bool | None = None) -> str:  # fmt: skip
    """The finding of one pod, whose OPA says that it records, does not, or was not asked."""
    found = pod("search-0", 100.0)
    if opa is not None:
        found = _with_opa(found, records=opa)
    told_by = decided(decisions, at, whole=whole)
    return said(finding(AUDIT, found, config=config, logs=logs(audited, hour), prometheus=told_by))


def _with_opa(found: Pod, *, records: bool) -> Pod:
    look = OPALook(OPAReading(logs=DecisionLogs(at=1.0, status=200, kept=records)), logs_at=NOW)
    return replace(found, sources={**found.sources, SourceName.OPA: Seen(look, NOW, "opa")})


def test_of_95_of_100_decisions_a_record_arrived() -> None:
    assert told(95, 100.0, NOW - 600).startswith("pass")
    assert told(95, 100.0) == "pass: 95 audit records arrived in an hour, in which 100 decisions were made."


@pytest.mark.parametrize(
    ("audited", "decisions", "more", "why"),
    [
        (94, 100.0, {}, "94 audit records arrived in an hour, in which 100 decisions were made; not all of them"),
        (100, 100.0, {"whole": False}, "100 audit records arrived"),
        (0, 19.0, {}, "Only 19 decisions are known of the last hour, 20 are needed."),
        (0, 100.0, {"at": NOW - 601}, "How many decisions were made in the hour of the log lines is not known"),
        (0, 100.0, {"config": TO_FILE}, "0 audit records arrived"),
        (0, 100.0, {"config": {}}, "0 audit records arrived"),
        (0, 100.0, {"hour": 0}, "0 audit records arrived"),
        (None, 100.0, {}, "Audit records of an hour were not counted: only Loki counts them."),
    ],
)
def test_what_does_not_tell_leaves_it_open(
    audited: int | None, decisions: float, more: dict[str, object], why: str
) -> None:
    assert told(audited, decisions, **more).startswith(f"unknown NoData: {why}")  # type: ignore[arg-type]


def test_not_one_record_of_twenty_decisions_fails_where_the_config_says_that_they_are_written() -> None:
    failed = told(0, 20.0, whole=False)
    assert failed.startswith("fail")
    assert failed.endswith("0 audit records arrived in an hour, in which 20 decisions were made.")
    assert told(0, 20.0, config={"authorization": {"audit": {"enabled": False}}}).startswith("fail")


def test_an_opa_that_records_by_its_own_config_needs_no_lines() -> None:
    assert told(0, 100.0, opa=True) == "pass: search-0: OPA's own config has decision logs."
    assert told(100, 100.0, opa=False).startswith("unknown")
    assert told(0, 100.0, opa=False).startswith("fail")
    unasked = Seen(OPALook(OPAReading()), NOW, "opa")
    known = pod("search-0", 100.0)
    known = replace(known, sources={**known.sources, SourceName.OPA: unasked})
    assert finding(AUDIT, known, config=STDOUT, logs=logs(0), prometheus=decided(100.0)).state == "fail"


def test_without_prometheus_nothing_is_compared() -> None:
    found = finding(AUDIT, pod("search-0", 100.0), config=STDOUT, logs=logs(0))
    assert said(found).startswith(
        "unknown NoData: How many decisions were made in the hour of the log lines is not known"
    )


@pytest.mark.parametrize(
    "config",
    [
        Missing(UnknownReason.FORBIDDEN, "It may not be read."),
        Seen(AgentConfigFile({}, {}, "1.0.0", in_place=True, broken=((1, "not YAML"),)), NOW, "config.yaml"),
    ],
)
def test_a_config_that_is_not_known_does_not_say_where_records_should_be(config: Seen[object] | Missing) -> None:
    found = finding(AUDIT, pod("search-0", 100.0), logs=logs(0), prometheus=decided(100.0), agent_config=config)
    assert found.state == "unknown"
    assert found.reason != "EvaluatorError"


def test_a_store_of_which_nothing_ever_arrived_and_a_prometheus_without_decisions_tell_nothing() -> None:
    never = Seen(LogSample(200, 200, audited=0), NOW, "Loki")
    found = finding(AUDIT, pod("search-0", 100.0), config=STDOUT, logs=never, prometheus=decided(100.0))
    assert said(found).startswith("unknown NoData: 0 audit records arrived")
    without = Seen(PrometheusLook(RuleBook()), NOW, "prometheus")
    found = finding(AUDIT, pod("search-0", 100.0), config=STDOUT, logs=logs(0), prometheus=without)
    assert said(found).startswith("unknown NoData: How many decisions")
