"""One look at a link: gone by 404, 410 or a name that does not exist, and no way in for who writes a record."""

import asyncio
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from probes.sources.names import NameNotResolvedError
from tests.servers.answering import run_answering
from tests.servers.pki import Leaf, PlainAuthority
from watcher.checklist.live.document_links.trying import LinkTrying, State, Tried, is_listed


class Names:
    """A resolver that says what a test says: the machine's own cannot be made to."""

    def __init__(self, *addresses: str) -> None:
        self.addresses_of_all, self.asked = addresses, list[str]()

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if not self.addresses_of_all:
            raise NameNotResolvedError(0, "no such name")
        return self.addresses_of_all


def look(url: str, names: Names | None = None, context: ssl.SSLContext | None = None) -> Tried:
    return asyncio.run(LinkTrying(names or Names(), None if context is None else lambda: context).look(url))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((each, State.GONE) for each in (404, 410)),
        *((each, State.THERE) for each in (200, 301, 302, 401, 403, 405, 429, 500, 503)),
    ],
)
def test_a_document_is_gone_where_its_server_says_so(status: int, state: State) -> None:
    with run_answering(lambda _: (status, b"x" * 100)) as server:
        tried = look(f"{server.url}/runbook?a=b#part")
    assert (tried.state, tried.why) == (state, f"it answers {status}" if state is State.GONE else "")
    [asked] = server.asked
    assert (asked.path, asked.query) == ("/runbook", {"a": "b"})
    assert not {"authorization", "cookie"} & asked.headers.keys()


def test_a_redirect_is_not_followed() -> None:
    with run_answering(lambda asked: (302, b"") if asked.path == "/a" else (404, b"")) as server:
        assert look(f"{server.url}/a").state is State.THERE
    assert [each.path for each in server.asked] == ["/a"]


def test_a_long_document_is_there_and_is_not_read_to_its_end() -> None:
    with run_answering(lambda _: (200, b"x" * (50 << 20))) as server:
        assert look(server.url).state is State.THERE


def test_a_host_that_does_not_exist_is_gone_and_one_that_is_silent_is_not_known() -> None:
    assert look("https://wiki.example.org/a") == Tried(State.GONE, "its host does not exist")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert look(f"http://127.0.0.1:{port}/").state is State.UNKNOWN


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"),
    ],
)
def test_a_name_that_leads_to_this_machine_or_to_metadata_of_a_cloud_is_not_asked(address: str) -> None:
    with run_answering(lambda _: (404, b"")) as server:
        names = Names(address)
        assert look(f"http://wiki.example.org:{server.port}/", names).state is State.UNKNOWN
    assert names.asked == ["wiki.example.org"]
    assert server.asked == []


def test_a_server_whose_certificate_does_not_verify_says_nothing(tmp_path: Path) -> None:
    now = time.time()
    authority = PlainAuthority(now)
    served = Leaf(not_before=now - 60, not_after=now + 600, addresses=["127.0.0.1"]).signed_by(authority)
    with run_answering(lambda _: (404, b""), served.write(tmp_path)) as server:
        assert look(f"{server.url}/").state is State.UNKNOWN
        assert server.asked == []


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("https://wiki.example.org/a", True),
        ("http://WIKI.example.org./a", True),
        ("https://wiki.example.org:443/a", True),
        ("https://wiki.example.org:9200/a", False),
        ("https://docs.example.org:8443/a", True),
        ("https://docs.example.org/a", False),
        ("https://wiki.example.org.evil.org/a", False),
        ("https://evil.org/wiki.example.org", False),
        ("https://wiki.example.org@evil.org/", False),
        ("https://user:pw@wiki.example.org/", False),
        ("file://wiki.example.org/etc/passwd", False),
        ("gopher://wiki.example.org/", False),
        ("//wiki.example.org/a", False),
        ("https://[::1/", False),
        ("https://wiki.example.org:99999/", False),
        ("", False),
        ("https://wiki.example.org/a\r\nHost: evil.org", False),
        ("https://wiki.example.org/a b", False),
        ("https://wiki.example.org/\u0000", False),
    ],
)
def test_only_listed_hosts_are_asked(url: str, listed: bool) -> None:
    assert is_listed(url, ["wiki.example.org", "docs.example.org:8443"]) is listed
