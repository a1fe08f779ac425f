"""A Prometheus that answers half, slowly, with warnings, too much, or something else: nothing is concluded from it.

A real one cannot be made to do so; these are small servers that answer as its API is documented to.
"""

import asyncio
import json
from pathlib import Path

import pytest

from tests.servers.metrics_pages import Script, ok, serving
from watcher.checklist.live.prometheus.asking_error import AskingError
from watcher.checklist.live.prometheus.client import PrometheusClient
from watcher.checklist.live.prometheus.figures.scrapes import Scrapes
from watcher.config.witnesses.prometheus import PrometheusSettings

SEARCH_0 = ("prod", "search-0")
VECTOR = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}}


def _answer(status: int, body: object) -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    return ok(text).replace(b"200 OK", b"%d Some" % status, 1)


def _script(answer: bytes, *, then_hang: bool = False) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if then_hang:
            await reader.read()

    return script


def _asked(script: Script, patience: float = 5.0, most: int = 1 << 16) -> AskingError | int:
    """What came of one question: the error, or how many series."""
    taken: list[object] = []

    async def ask() -> None:
        async with serving(script) as url:
            settings = PrometheusSettings(url=url)
            async with PrometheusClient(settings, patience, most) as client:
                await client.query("up", 10, taken.append)

    try:
        asyncio.run(ask())
    except AskingError as error:
        return error
    return len(taken)


def test_a_whole_answer_is_taken() -> None:
    assert _asked(_script(_answer(200, VECTOR))) == 1


@pytest.mark.parametrize(
    ("status", "body", "reason", "message"),
    [
        (200, VECTOR | {"warnings": ["store\x1b down"]}, "Unreachable", r"may be a part only: store\x1b down."),
        (200, VECTOR | {"isPartial": True}, "Unreachable", "gives a part of the answer only."),
        (401, {"status": "error"}, "Forbidden", "answers 401."),
        (403, b"no", "Forbidden", "answers 403."),
        (422, {"status": "error", "error": "too many samples"}, "Unparseable", "answers 422: too many samples."),
        (503, b"<html>", "Unreachable", "answers 503."),
        (302, b"", "Unreachable", "answers 302."),
        (404, b"404 page not found", "SourceMissing", "answers 404."),
        (200, b"<html>", "Unparseable", "cannot be read: it is not JSON, or is cut off."),
        (200, {"status": "success", "data": {"result": "x"}}, "Unparseable", "not what Prometheus answers"),
        (200, {"status": "success", "data": {}}, "Unparseable", "not what Prometheus answers"),
        (200, {"status": "success", "data": {"result": [{"metric": {"a": 1}, "value": [1, "1"]}]}}, "Unparseable", ""),
        (200, {"status": "success", "data": {"result": [{"metric": {}, "value": [1]}]}}, "Unparseable", "shape"),
        (200, {"status": "success", "data": {"result": [{"metric": {}, "value": [1, "x"]}]}}, "Unparseable", "numbers"),
        (200, {"status": "success", "data": {"result": [{"metric": {}}] * 11}}, "Unparseable", ""),
        (200, {"status": "success", "data": {"result": [5]}}, "Unparseable", "a part of it is no object"),
        (200, {"status": "success", "data": {"result": [[]]}}, "Unparseable", "a part of it is no object"),
        (200, b'{"status":"success","data":{"result":[' + b" " * (1 << 17), "Unparseable", "longer than 64.0 KiB"),
    ],
)
def test_what_is_no_whole_answer_gives_a_reason(status: int, body: object, reason: str, message: str) -> None:
    found = _asked(_script(_answer(status, body)))
    assert isinstance(found, AskingError)
    assert (str(found.reason), message in found.message) == (reason, True), found.message


def test_one_that_is_slow_or_cuts_the_answer_off_gives_a_reason() -> None:
    half = _answer(200, VECTOR)[:-10]
    slow = _asked(_script(half, then_hang=True), patience=0.3)
    assert isinstance(slow, AskingError)
    assert slow.message.endswith("cannot be asked: it does not answer in time.")
    cut = _asked(_script(half))
    assert isinstance(cut, AskingError)
    assert str(cut.reason) == "Unreachable"


def test_a_file_that_cannot_be_used_is_told_and_nothing_is_asked(tmp_path: Path) -> None:
    token = tmp_path / "token"
    settings = PrometheusSettings(url="https://127.0.0.1:1", bearer_token_file=token)

    async def ask() -> None:
        async with PrometheusClient(settings):
            raise AssertionError("it was entered")

    for content, why in ((None, "cannot be read: No such file"), ("two words", "does not hold a bearer token")):
        if content is not None:
            token.write_text(content)
        with pytest.raises(AskingError, match=why):
            asyncio.run(ask())


@pytest.mark.parametrize(
    ("labels", "own", "found"),
    [
        ({"namespace": "prod", "pod": "search-0"}, {"cluster": "eu"}, {SEARCH_0: "boom"}),
        ({"namespace": "prod", "pod": "search-0", "cluster": "eu"}, {"cluster": "eu"}, {SEARCH_0: "boom"}),
        ({"namespace": "prod", "pod": "search-0", "cluster": "us"}, {"cluster": "eu"}, {}),
        ({"namespace": "prod", "pod": "search-0", "cluster": "us"}, {"cluster": ""}, {}),
        ({"namespace": ["prod"], "pod": {"a": 1}}, {}, {}),
    ],
)
def test_a_target_of_another_cluster_with_the_same_names_is_not_ours(
    labels: dict[str, object], own: dict[str, str], found: dict[tuple[str, str], str]
) -> None:
    scrapes = Scrapes({SEARCH_0}, own)
    scrapes.take({"labels": labels, "health": "down", "lastError": "boom"})
    assert scrapes.of_pods == found
