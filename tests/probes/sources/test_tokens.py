"""To whom is a token sent? Over verified TLS only, and of discovered targets to those that the config names."""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from probes import load_probes, load_sources
from probes.contract import EvaluationContext, OwnIdentity, Source, SourceContext, Target, TargetKey
from probes.sources.http.credentials import TokenFor
from probes.sources.names import Names
from tests.servers import metrics_pages as pages
from watcher.demo.authority import Authority

NOW = time.time()
OURS, OTHER = Authority("example.org", NOW), Authority("example.org", NOW)
TOKEN = "Authorization: Bearer s3cret\r\n"
REFUSES = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
KINDS = ["agent_metrics", "opa"]
HTTP = "The token was not sent: its URL is not https."
UNNAMED = "The token was not sent: it was found by discovery, and bearer_token_for does not name it."


@dataclass(frozen=True)
class NoIdentity:
    current: OwnIdentity | None = None
    confirmed: bool = False


@dataclass
class Bouncer:
    """Lets in who brings the token; notes what it was asked."""

    asked: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((line[16:] for line in head.split("\r\n") if line.startswith("Content-Length: ")), "0")
            await reader.readexactly(int(length))
            self.asked.append(head)
            body = b'{"result": false}' if "POST" in head else b"process_start_time_seconds 1\n"
            writer.write(pages.ok(body) if TOKEN in head else REFUSES)


def server_context(home: Path, authority: Authority) -> ssl.SSLContext:
    svid = authority.issue("spiffe://agent", not_before=NOW - 60, not_after=NOW + 3600, hosts=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*svid.write(home))
    return context


def opened(kind: str, home: Path, names: Sequence[dict[str, str]] = ()) -> Source:
    (home / "token").write_text("s3cret\n")
    given = {"bearer_token_file": str(home / "token"), "ca_file": str(OURS.write_bundle(home))}
    found = next(each for each in load_sources() if each.name == kind)
    settings = found.settings.model_validate(given | {"bearer_token_for": list(names)})
    return found.open(settings, SourceContext(NoIdentity(), lambda: NOW, lambda: NOW, Names()))


def target(url: str, **facts: Any) -> Target:
    return Target(key=TargetKey("prod", "search", "search-0"), metrics=url, opa=url, **facts)


def wants(kind: str) -> tuple[object, ...]:
    probe = next(each for each in load_probes() if each.name == {"agent_metrics": "telemetry"}.get(kind, kind))
    return probe.wants(probe.limits())


def meet(
    kind: str, home: Path, *names: dict[str, str], tls: Authority | None = OURS, discovered: bool = False
) -> tuple[list[str], str]:
    """What the server was asked, and the error of the look."""
    bouncer = Bouncer()

    async def main() -> str:
        context = server_context(home, tls) if tls is not None else None
        async with pages.serving(bouncer, context) as url:
            return (await opened(kind, home, names).look(target(url, discovered=discovered), wants(kind))).error

    error = asyncio.run(main())
    return bouncer.asked, error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("names", "discovered"),
    [
        ((), False),
        (({"namespace": "prod"},), True),
        (({"host": "10.0.0.1"}, {"namespace": "prod", "host": "127.0.0.1"}), True),
    ],
    ids=["static", "named by namespace", "named by namespace and host"],
)
def test_the_token_goes_to_whom_the_config_names_over_tls(
    tmp_path: Path, kind: str, names: tuple[dict[str, str], ...], *, discovered: bool
) -> None:
    asked, error = meet(kind, tmp_path, *names, discovered=discovered)
    assert (error, bool(asked), all(TOKEN in each for each in asked)) == ("", True, True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("names", "tls", "discovered", "why"),
    [
        ((), None, False, HTTP),
        (({"namespace": "prod"},), None, True, HTTP),
        ((), OURS, True, UNNAMED),
        (({"namespace": "dev"}, {"host": "10.0.0.1"}), OURS, True, UNNAMED),
        (({"namespace": "dev", "host": "127.0.0.1"},), OURS, True, UNNAMED),
    ],
    ids=["http", "named, but http", "discovered", "others are named", "another namespace"],
)
def test_nobody_else_sees_the_token_and_the_look_says_why(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    names: tuple[dict[str, str], ...],
    tls: Authority | None,
    why: str,
    *,
    discovered: bool,
) -> None:
    with caplog.at_level(logging.WARNING):
        asked, error = meet(kind, tmp_path, *names, tls=tls, discovered=discovered)
    assert asked
    assert not any("Authorization" in each for each in asked)
    refusal = {"agent_metrics": "The metrics endpoint answered 401: the watcher may not read it."}
    assert error == f"{refusal.get(kind, 'The watcher is not allowed to ask (HTTP 401).')} {why}"
    assert [each.message for each in caplog.records] == ["token not sent to some targets"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_whose_certificate_does_not_verify_is_not_asked_at_all(tmp_path: Path, kind: str) -> None:
    asked, error = meet(kind, tmp_path, tls=OTHER)
    assert asked == []
    assert error.endswith("does not verify: its issuer is neither in the bundle nor in the chain.")


def test_the_verdict_says_that_the_token_was_not_sent(tmp_path: Path) -> None:
    async def main() -> list[str]:
        async with pages.serving(Bouncer()) as url:
            said = []
            for kind, name in (("agent_metrics", "telemetry"), ("opa", "opa")):
                probe = next(each for each in load_probes() if each.name == name)
                reading = await opened(kind, tmp_path).look(target(url), wants(kind))
                context = EvaluationContext(
                    target=target(url), limits=probe.limits(), now=NOW, date=NOW, interval=30.0, endpoint="opa"
                )
                verdicts = probe.judge(reading, probe.history(), context).verdicts
                said += [each.text for each in verdicts if each.reason == "Unauthorized" and HTTP in each.text]
            return said

    assert asyncio.run(main()) == [
        f"The metrics endpoint answered 401: the watcher may not read it. {HTTP}",
        f"The watcher is not allowed to ask (HTTP 401). {HTTP}",
    ]


def test_an_opa_that_a_listed_and_a_discovered_target_share_is_asked_as_each_of_them(tmp_path: Path) -> None:
    async def main() -> list[str]:
        async with pages.serving(Bouncer(), server_context(tmp_path, OURS)) as url:
            source = opened("opa", tmp_path)
            listed = target(url)
            found = replace(listed, key=TargetKey("prod", "search", "search-1"), discovered=True)
            source.fleet_changed([listed, found])
            return [(await source.look(each, wants("opa"))).error for each in (found, listed)]

    assert asyncio.run(main()) == [f"The watcher is not allowed to ask (HTTP 401). {UNNAMED}", ""]


@pytest.mark.parametrize(
    ("entry", "host", "named"),
    [
        ({"host": "opa.prod.svc"}, "opa.prod.svc", True),
        ({"host": "OPA.prod.svc"}, "opa.PROD.svc", True),
        ({"host": "*.prod.svc"}, "opa.prod.svc", True),
        ({"host": "*.prod.svc"}, "a.opa.prod.svc", False),
        ({"host": "*.prod.svc"}, "prod.svc", False),
        ({"host": "*.prod.svc"}, "opa.prod.svc.evil.example", False),
        ({"host": "prod.svc"}, "opa.prod.svc", False),
        ({"host": "fd00::7"}, "fd00::7", True),
        ({"host": "10.0.0.7"}, "10.0.0.70", False),
        ({"namespace": "prod"}, "anything", True),
        ({"namespace": "dev"}, "anything", False),
    ],
)
def test_a_host_is_named_exactly_or_by_one_label_more(entry: dict[str, str], host: str, *, named: bool) -> None:
    assert TokenFor.model_validate(entry).names("prod", host) is named
