"""Lines from Loki: a small server after its documented HTTP API answers, for Loki itself is not to be had."""

import asyncio

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Arrived, LogSample, Missing, Retention
from tests.checklist.live.logs.lines import line
from tests.probes.controls.made import AGENT, NOW
from tests.servers.answering import Answer, Asked, json_answer, run_answering
from watcher.checklist.live.logs.loki import Loki
from watcher.checklist.live.outside.client import OutsideClient, Place

CONFIG = "compactor:\n  retention_enabled: {}\nlimits_config:\n  retention_period: {}\n"


def answered(
    asked: Asked,
    lines: int,
    counts: dict[str, list[tuple[float, int]]],
    config: str = "",
    line_of: bytes = b"",
    audits: str | None = None,
) -> Answer:
    """What Loki has: so many lines, by pod so many at these times, its config, and so many audit records."""
    if asked.path == "/config":
        return (200, config.encode()) if config else (404, b"not found")
    if asked.path == "/loki/api/v1/query":
        audited = [] if audits is None else [{"metric": {}, "value": [NOW, audits]}]
        return json_answer({"status": "success", "data": {"resultType": "vector", "result": audited}})
    if "count_over_time" in asked.query["query"]:
        result = [{"metric": {"pod": pod}, "values": [[at, str(n)] for at, n in at_n]} for pod, at_n in counts.items()]
        return json_answer({"status": "success", "data": {"resultType": "matrix", "result": result}})
    values = [[str(int(NOW * 1e9) + n), (line_of or line()).decode()] for n in range(lines)]
    streams = [{"stream": {"namespace": "prod", "pod": "a"}, "values": values}]
    return json_answer({"status": "success", "data": {"resultType": "streams", "result": streams}})


def sampled(
    lines: int = 3,
    counts: dict[str, list[tuple[float, int]]] | None = None,
    config: str = "",
    answer: Answer | None = None,
    audits: str | None = None,
) -> tuple[LogSample | Missing, list[Asked]]:
    with run_answering(lambda asked: answer or answered(asked, lines, counts or {}, config, audits=audits)) as server:
        client = OutsideClient(Place("Loki", server.url, headers={"X-Scope-OrgID": "team"}), patience=5)
        loki = Loki(client, 200, ("namespace", "pod"), lambda: NOW)
        found = asyncio.run(loki.sample(AGENT, {"a": None, 'b"}': None}))
        return found if isinstance(found, Missing) else found.value, server.asked


def test_lines_of_an_agent_are_asked_for_by_namespace_and_pods_and_counted_by_pod() -> None:
    counts = {"a": [(NOW - 2700, 5), (NOW - 900, 2), (NOW, 4)]}
    found, asked = sampled(counts=counts, config=CONFIG.format("true", "744h"))
    assert isinstance(found, LogSample)
    assert (found.lines, found.objects) == (3, 3)
    assert found.arrived == (Arrived("a", 11, 4), Arrived('b"}', 0, 0))
    assert isinstance(found.retention, Retention)
    assert found.retention.refuted == ""
    assert asked[0].query["query"] == '{namespace="prod", pod=~"a|b\\"\\\\}"}'
    assert (asked[0].query["limit"], asked[0].query["direction"]) == ("200", "backward")
    assert {each.headers["x-scope-orgid"] for each in asked} == {"team"}


@pytest.mark.parametrize(
    ("enabled", "period", "refuted"),
    [
        ("false", "744h", "Loki keeps all lines forever: compactor.retention_enabled is false."),
        ("true", "0s", "Loki keeps all lines forever: limits_config.retention_period is 0s."),
        ("true", "744h", ""),
    ],
)
def test_a_store_that_keeps_lines_for_ever_is_told_by_its_own_config(enabled: str, period: str, refuted: str) -> None:
    found, _ = sampled(config=CONFIG.format(enabled, period))
    assert isinstance(found, LogSample)
    assert isinstance(found.retention, Retention)
    assert found.retention.refuted == refuted


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, b""), UnknownReason.FORBIDDEN),
        ((403, b""), UnknownReason.FORBIDDEN),
        ((503, b""), UnknownReason.UNREACHABLE),
        ((429, b""), UnknownReason.UNREACHABLE),
        ((400, b"parse error"), UnknownReason.UNPARSEABLE),
        ((302, b""), UnknownReason.UNREACHABLE),
        ((200, b"<html>"), UnknownReason.UNPARSEABLE),
        ((200, b'{"status": "success"}'), UnknownReason.UNPARSEABLE),
        ((200, b'{"status": "success", "data": {"result": [{"values": [5]}]}}'), UnknownReason.UNPARSEABLE),
        ((200, b'{"status": "error", "data": {"result": []}}'), UnknownReason.UNPARSEABLE),
        (
            (200, b'{"status": "success", "warnings": ["a part"], "data": {"result": []}}'),
            UnknownReason.UNREACHABLE,
        ),
        ((200, b"[" * 100_000), UnknownReason.UNPARSEABLE),
        ((200, b" " * (9 * 2**20)), UnknownReason.UNPARSEABLE),
    ],
    ids=[
        "401",
        "403",
        "503",
        "429",
        "400",
        "a redirect",
        "HTML",
        "no data",
        "odd values",
        "an error",
        "a part",
        "deep",
        "over 8 MiB",
    ],
)
def test_an_answer_that_is_none_is_unknown_and_never_an_empty_log(answer: Answer, reason: UnknownReason) -> None:
    found, _ = sampled(answer=answer)
    assert isinstance(found, Missing)
    assert found.reason is reason


def test_a_loki_that_is_not_there_is_unreachable() -> None:
    loki = Loki(OutsideClient(Place("Loki", "http://127.0.0.1:1")), 200, ("namespace", "pod"), lambda: NOW)
    found = asyncio.run(loki.sample(AGENT, {"a": None}))
    assert isinstance(found, Missing)
    assert (found.reason, found.message) == (
        UnknownReason.UNREACHABLE,
        "Loki at http://127.0.0.1:1 cannot be asked: Connection refused.",
    )


def test_audit_records_of_an_hour_are_counted_by_their_keys_at_top_level() -> None:
    found, asked = sampled(audits="41")
    assert isinstance(found, LogSample)
    assert found.audited == 41
    [counted] = [each.query for each in asked if each.path == "/loki/api/v1/query"]
    assert counted["time"] == str(int(NOW))
    assert counted["query"] == (
        'sum(count_over_time({namespace="prod", pod=~"a|b\\"\\\\}"} |~ `decision_id|decision|allowed|allow` | json '
        'agentweave_decision_id="decision_id", agentweave_decision="decision", agentweave_allowed="allowed", '
        'agentweave_allow="allow" | __error__="" | agentweave_decision_id!="" or agentweave_decision!="" or '
        'agentweave_allowed!="" or agentweave_allow!="" [3600s]))'
    )
    none, _ = sampled()
    assert isinstance(none, LogSample)
    assert none.audited == 0


@pytest.mark.parametrize("count", ["+Inf", "NaN", "-1", "many"])
def test_a_count_that_is_none_is_the_stores_fault_and_not_ours(count: str) -> None:
    for found, _ in (sampled(audits=count), sampled(counts={"a": [(NOW, count)]})):  # type: ignore[list-item]
        assert isinstance(found, Missing)
        assert found.reason is UnknownReason.UNPARSEABLE


def test_that_nothing_arrived_says_something_once_a_line_of_any_agent_did() -> None:
    never, _ = sampled(lines=0)
    assert isinstance(never, LogSample)
    assert isinstance(never.arrived, Missing)
    assert never.arrived.message.startswith("Loki has had no line of any agent yet")
    heard, _ = sampled(lines=0, counts={"a": [(NOW - 2700, 1)]})
    assert isinstance(heard, LogSample)
    assert heard.arrived == (Arrived("a", 1, 0), Arrived('b"}', 0, 0))
