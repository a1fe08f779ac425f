"""Traces from Jaeger and Tempo: small servers after their documented APIs answer; neither is built here."""

import asyncio
import json
from typing import Any

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, Missing, Retention, TraceSample
from tests.probes.controls.made import AGENT, NOW
from tests.servers.answering import Answer, Asked, run_answering
from watcher.checklist.live.outside.client import OutsideClient, Place
from watcher.checklist.live.traces.jaeger import Jaeger
from watcher.checklist.live.traces.tempo import Tempo

SPIFFE_ID = "spiffe://example.org/agent/search"
SPAN = {"SPAN_KIND_SERVER": "server", "SPAN_KIND_CLIENT": "client", "SPAN_KIND_INTERNAL": "internal"}
Spans = list[tuple[str, str, bool]]
"""Kind, value of one attribute, and whether it failed."""


def of_jaeger(spans: Spans, traces: int = 1) -> Any:
    """Its `/api/traces`: each trace has these spans of the agent, and one of another service."""
    made = [
        {"processID": "p1", "tags": [_tag("span.kind", SPAN[kind]), _tag("peer", value), _tag("error", failed)]}
        for kind, value, failed in spans
    ]
    other = {"processID": "p2", "tags": [_tag("span.kind", "server"), _tag("peer", SPIFFE_ID)]}
    processes = {"p1": {"serviceName": "search"}, "p2": {"serviceName": "other"}}
    return {"data": [{"traceID": f"{n:x}", "spans": [*made, other], "processes": processes} for n in range(traces)]}


def _tag(key: str, value: object) -> dict[str, object]:
    return {"key": key, "type": "bool" if isinstance(value, bool) else "string", "value": value}


def of_tempo(asked: Asked, spans: Spans, traces: int = 1, config: str = "") -> Answer:
    """Its `/api/search`, `/api/traces/ID` and `/status/config`."""
    if asked.path == "/status/config":
        return (200, config.encode()) if config else (404, b"")
    if asked.path == "/api/search":
        return 200, json.dumps({"traces": [{"traceID": f"ab{n:x}"} for n in range(traces)], "metrics": {}}).encode()
    made = [
        {
            "kind": kind,
            "attributes": [_attribute("peer", value)],
            "status": {"code": "STATUS_CODE_ERROR"} if bad else {},
        }
        for kind, value, bad in spans
    ]
    other = {"kind": "SPAN_KIND_SERVER", "attributes": [_attribute("peer", SPIFFE_ID)]}
    batches = [_batch("search", made), _batch("other", [other])]
    return 200, json.dumps({"batches": batches}).encode()


def _attribute(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def _batch(service: str, spans: list[Any]) -> dict[str, object]:
    return {"resource": {"attributes": [_attribute("service.name", service)]}, "scopeSpans": [{"spans": spans}]}


def sampled(kind: str, spans: Spans, traces: int = 1, *, config: str = "", answer: Answer | None = None) -> Any:
    """What is counted of these by the one or the other, and what was asked."""

    def answered(asked: Asked) -> Answer:
        if answer is not None:
            return answer
        if kind == "tempo":
            return of_tempo(asked, spans, traces, config)
        return 200, json.dumps(of_jaeger(spans, traces)).encode()

    with run_answering(answered) as server:
        client = OutsideClient(Place(kind, f"{server.url}/"), patience=5)
        store = Jaeger(client, "${agent}", lambda: NOW) if kind == "jaeger" else Tempo(client, "${agent}", lambda: NOW)
        found = asyncio.run(store.sample(AGENT))
        return found if isinstance(found, Missing) else found[0], server.asked


@pytest.mark.parametrize("kind", ["jaeger", "tempo"])
def test_spans_of_the_agent_are_counted_and_those_of_others_in_its_traces_are_not(kind: str) -> None:
    spans = [
        ("SPAN_KIND_SERVER", SPIFFE_ID, False),
        ("SPAN_KIND_CLIENT", "ranker", True),
        ("SPAN_KIND_INTERNAL", SPIFFE_ID, False),
    ]
    found, asked = sampled(kind, spans, 2)
    assert isinstance(found, TraceSample)
    assert (found.traces, found.more, found.spans) == (2, False, 4)
    assert (found.with_spiffe_id, found.calls, found.failed_calls) == (2, 2, 2)
    query = asked[0].query
    assert query["service"] == "search" if kind == "jaeger" else query["q"] == '{ resource.service.name = "search" }'
    assert query["limit"] == "20"


@pytest.mark.parametrize("kind", ["jaeger", "tempo"])
def test_as_many_traces_as_were_asked_for_may_be_more(kind: str) -> None:
    found, asked = sampled(kind, [("SPAN_KIND_SERVER", SPIFFE_ID, False)], 20)
    assert (found.more, found.spans <= 20) == (True, True)
    assert len(asked) <= 5


@pytest.mark.parametrize("kind", ["jaeger", "tempo"])
def test_an_empty_store_is_seen_empty(kind: str) -> None:
    found, _ = sampled(kind, [], 0)
    assert isinstance(found, TraceSample)
    assert (found.traces, found.spans, found.more, found.heard) == (0, 0, False, False)


@pytest.mark.parametrize("kind", [Jaeger, Tempo])
def test_that_there_is_no_trace_says_something_once_there_was_one_of_any_agent(
    kind: type[Jaeger] | type[Tempo],
) -> None:
    def answered(asked: Asked) -> Answer:
        traces = int("search" in asked.query.get("service", asked.query.get("q", "")))
        if kind is Tempo:
            return of_tempo(asked, [], traces)
        return 200, json.dumps(of_jaeger([], traces)).encode()

    async def heard() -> list[bool]:
        store = kind(OutsideClient(Place("store", server.url)), "${agent}", lambda: NOW)
        found = [await store.sample(AgentRef("prod", name)) for name in ("other", "search", "other")]
        return [each[0].heard for each in found if not isinstance(each, Missing)]

    with run_answering(answered) as server:
        assert asyncio.run(heard()) == [False, True, True]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("jaeger", b'{"data": null, "errors": [{"code": 500, "msg": "shard down"}]}'),
        ("tempo", b'{"traces": [], "metrics": {"completedJobs": 1, "totalJobs": 3}}'),
        ("tempo", b'{"metrics": {"totalJobs": "3"}}'),
    ],
)
def test_a_store_that_searched_a_part_only_is_not_empty(kind: str, body: bytes) -> None:
    found, _ = sampled(kind, [], answer=(200, body))
    assert isinstance(found, Missing)
    assert found.reason is UnknownReason.UNREACHABLE


@pytest.mark.parametrize("kind", ["jaeger", "tempo"])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, b""), UnknownReason.FORBIDDEN),
        ((500, b""), UnknownReason.UNREACHABLE),
        ((200, b"[]"), UnknownReason.UNPARSEABLE),
        ((200, b'{"data": [5], "traces": [5]}'), UnknownReason.UNPARSEABLE),
        ((200, b"{" * 100_000), UnknownReason.UNPARSEABLE),
    ],
    ids=["401", "500", "a list", "odd traces", "deep"],
)
def test_an_answer_that_is_none_is_unknown(kind: str, answer: Answer, reason: UnknownReason) -> None:
    found, _ = sampled(kind, [], answer=answer)
    assert isinstance(found, Missing)
    assert found.reason is reason


@pytest.mark.parametrize(
    ("period", "refuted"),
    [("0s", "Tempo keeps all traces forever: compactor.compaction.block_retention is 0s."), ("336h0m0s", "")],
)
def test_a_tempo_that_keeps_traces_for_ever_is_told_by_its_own_config(period: str, refuted: str) -> None:
    found, _ = sampled("tempo", [], 0, config=f"compactor:\n  compaction:\n    block_retention: {period}\n")
    assert isinstance(found.retention, Retention)
    assert found.retention.refuted == refuted
