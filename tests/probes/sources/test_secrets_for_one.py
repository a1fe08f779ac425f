"""Neither a token nor the query of a URL goes to an agent that is not the expected one, however well it is verified."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from probes import load_sources
from probes.contract import OwnIdentity, Reading, SourceContext, Target, TargetKey
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.sources.names import Names
from tests.probes.sources.test_tokens import TOKEN, Bouncer
from tests.servers import metrics_pages as pages
from watcher.demo.authority import Authority

NOW = time.time()
OURS = Authority("example.org", NOW)
SEARCH, EVIL = "spiffe://example.org/agent/search", "spiffe://example.org/agent/evil"
KINDS = ["agent_metrics", "opa"]


class Known:
    """The bundle of our own trust domain."""

    current = OwnIdentity(trust_domain="example.org", chain=(), key=None, bundles={"example.org": (OURS.certificate,)})
    confirmed = True


def meet(
    kind: str, home: Path, shown: str, expected: Sequence[str] = (SEARCH,), *, token: bool = True, path: str = ""
) -> tuple[list[str], Reading]:
    """What a server that shows this SPIFFE ID was asked, and the look."""
    bouncer = Bouncer()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*OURS.issue(shown, not_before=NOW - 60, not_after=NOW + 3600).write(home))
    (home / "token").write_text("s3cret\n")
    found = next(each for each in load_sources() if each.name == kind)
    settings = found.settings.model_validate({"bearer_token_file": str(home / "token")} if token else {})

    async def main() -> Reading:
        source = found.open(settings, SourceContext(Known(), time.monotonic, time.time, Names()))
        async with pages.serving(bouncer, context) as url:
            key = TargetKey("prod", "search", "search-0")
            target = Target(key=key, metrics=url + path, opa=url, spiffe_ids=tuple(expected))
            return await source.look(target, ())

    return bouncer.asked, asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("expected", [(SEARCH,), ("spiffe://example.org/agent/other", SEARCH), ()])
def test_the_token_goes_to_the_agent_that_is_expected(tmp_path: Path, kind: str, expected: Sequence[str]) -> None:
    asked, reading = meet(kind, tmp_path, SEARCH, expected)
    assert reading.error == ("" if kind == "opa" else reading.error)
    assert asked
    assert all(TOKEN in each for each in asked)


@pytest.mark.parametrize("kind", KINDS)
def test_another_agent_of_the_trust_domain_is_not_asked_and_the_look_says_why(tmp_path: Path, kind: str) -> None:
    asked, reading = meet(kind, tmp_path, EVIL)
    assert asked == []
    assert reading.error.endswith(
        f"was not asked, for it would have been sent a secret: it has the SVID of '{EVIL}', and not of '{SEARCH}'."
    )


def test_a_page_that_was_not_asked_for_is_one_that_may_not_be_read(tmp_path: Path) -> None:
    _, reading = meet("agent_metrics", tmp_path, EVIL)
    assert isinstance(reading, MetricsPage)
    assert reading.trouble is PageTrouble.UNAUTHORIZED


def test_the_query_of_a_url_may_be_a_secret_too(tmp_path: Path) -> None:
    assert meet("agent_metrics", tmp_path, EVIL, token=False, path="?token=s3cret")[0] == []
    assert meet("agent_metrics", tmp_path, SEARCH, token=False, path="?token=s3cret")[0] != []


@pytest.mark.parametrize("kind", KINDS)
def test_where_there_is_no_secret_any_agent_of_the_trust_domain_is_asked(tmp_path: Path, kind: str) -> None:
    assert meet(kind, tmp_path, EVIL, token=False)[0] != []
