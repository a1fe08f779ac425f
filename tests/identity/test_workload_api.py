"""The watcher's identity from the Workload API, which rotates, refuses, restarts, hangs and lies."""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from spiffe.errors import PySpiffeError

from tests.identity.identities import NOW, QUICK, Clock, newest, started, stays, told, until
from tests.servers.workload_api import (
    HANGING,
    NOT_ATTESTED,
    NOT_REGISTERED,
    Script,
    Served,
    WorkloadApiServer,
    bundle_of,
)
from watcher.config.identity import IdentitySettings
from watcher.demo.authority import Authority
from watcher.identity import Identity, open_identity
from watcher.identity.material import assemble, same
from watcher.identity.source import IdentityError
from watcher.identity.workload_api import UnsharedClient, WorkloadAPI

CA = Authority("example.org", NOW)
NEXT_CA = Authority("example.org", NOW, lifetime=7200)
PARTNER_CA = Authority("partner.test", NOW)
SELDOM = replace(QUICK, every=60)


def served(name: str = "watcher", ca: Authority = CA, *bundle: Authority, lasts: float = 3600) -> Served:
    spiffe_id = f"spiffe://{ca.trust_domain}/{name}"
    return Served.of(ca.issue(spiffe_id, not_before=NOW - 10, not_after=NOW + lasts), *(bundle or (ca,)))


ME = served()
REGISTERED = Script([ME])


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:  # pytest's own may be too long for a socket
        yield Path(directory) / "agent.sock"


@pytest.fixture
def agent(path: Path) -> Iterator[WorkloadApiServer]:
    with WorkloadApiServer(path, REGISTERED) as server:
        yield server


def at(path: Path, trust_domain: str | None = None) -> IdentitySettings:
    return IdentitySettings(workload_api=f"unix://{path}", trust_domain=trust_domain)


def holds(identity: Identity, svid: Served) -> bool:
    chain = identity.current.chain if identity.current else ()
    return b"".join(each.public_bytes(Encoding.DER) for each in chain) == svid.chain


async def quiet(agent: WorkloadApiServer) -> None:
    """A poll, the stream, and the poll that the stream's first message asks for; then nothing until there is news."""
    await until(lambda: agent.calls == 3)
    assert await stays(lambda: agent.calls == 3)


def test_an_identity_comes_with_its_bundles_and_is_confirmed(path: Path, agent: WorkloadApiServer) -> None:
    agent.say(Script([ME], federated={"partner.test": bundle_of(PARTNER_CA)}))

    async def main() -> None:
        async with started(at(path), Clock()) as identity:
            assert identity.trouble == ""
            assert identity.confirmed
            assert holds(identity, ME)
            assert identity.current is not None
            assert identity.current.trust_domain == "example.org"
            assert identity.current.bundles == {
                "example.org": (CA.certificate,),
                "partner.test": (PARTNER_CA.certificate,),
            }

    asyncio.run(main())


def test_without_settings_there_is_no_identity_and_no_trouble() -> None:
    async def main() -> None:
        identity = open_identity(None, Clock())
        await identity.start()
        await identity.wait_first(5)
        assert (identity.current, identity.confirmed, identity.trouble) == (None, False, "")
        assert identity.newest_authorities() == {}
        await identity.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        (NOT_REGISTERED, "NotRegistered: {path}: no identity issued (PERMISSION_DENIED)"),
        (NOT_ATTESTED, "AttestationFailed: {path}: workload attestation failed (UNAVAILABLE)"),
        (HANGING, "Hung: {path}: Deadline Exceeded (DEADLINE_EXCEEDED)"),
        (Script(refuse=(grpc.StatusCode.UNAVAILABLE, "starting")), "Unavailable: {path}: starting (UNAVAILABLE)"),
        (Script(refuse=(grpc.StatusCode.UNIMPLEMENTED, "what?")), "APIError: {path}: what? (UNIMPLEMENTED)"),
        (Script(), "Malformed: Error fetching X.509 SVID: X.509 SVID response is empty"),
        (Script([Served(b"", b"", b"")]), "Malformed: "),
        (Script([Served(b"garbage", b"garbage", b"garbage")]), "Malformed: "),
        (Script([replace(ME, key=b"garbage")]), "Malformed: "),
        (Script([replace(ME, key=served().key)]), "KeyMismatch: "),
        (Script([served("not an id")]), "Malformed: "),
        (Script([ME, replace(served(), chain=b"garbage")]), "Malformed: "),
        (Script([replace(ME, bundle=b"")]), "Malformed: "),
        (Script([replace(ME, bundle=b"")], federated={"partner.test": bundle_of(PARTNER_CA)}), "Malformed: "),
        (Script([served("watcher", CA, PARTNER_CA)]), "NoTrustBundle: the bundle of example.org does not cover"),
        (Script([served(ca=PARTNER_CA)]), "WrongTrustDomain: got SVIDs of partner.test, none of example.org"),
    ],
)
def test_each_way_to_get_no_identity_is_told_apart_and_survived(
    path: Path, agent: WorkloadApiServer, script: Script, trouble: str
) -> None:
    agent.say(script)

    async def main() -> None:
        async with started(at(path, "example.org"), Clock()) as identity:
            assert identity.trouble.startswith(trouble.format(path=path))
            assert identity.current is None
            assert not identity.confirmed
            agent.say(REGISTERED)
            await until(lambda: identity.trouble == "")
            assert holds(identity, ME)

    asyncio.run(main())


def _stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(
    ("prepare", "trouble"),
    [
        (lambda _path: None, "SocketMissing: {path}: No such file or directory"),
        (lambda path: path.symlink_to("nowhere"), "SocketMissing: {path}: No such file or directory"),
        (lambda path: path.write_text("not a socket"), "NobodyListens: {path}: Connection refused"),
        (_stale, "NobodyListens: {path}: Connection refused"),
        (lambda path: path.symlink_to(path.name), "APIError: {path}: Too many levels of symbolic links"),
    ],
)
def test_a_socket_that_nobody_serves_is_told_and_the_agent_is_found_once_it_is_there(
    path: Path, prepare: Callable[[Path], object], trouble: str
) -> None:
    prepare(path)

    async def main() -> None:
        async with started(at(path), Clock()) as identity:
            assert identity.trouble == trouble.format(path=path)
            with WorkloadApiServer(path, REGISTERED):
                await until(lambda: identity.trouble == "")

    asyncio.run(main())


@contextlib.contextmanager
def listening(path: Path, reply: bytes | None) -> Iterator[None]:
    """A server that answers each connection with these bytes and hangs up, or holds it and is silent."""
    held: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):  # the listener was shut down
                while True:
                    held.append(listener.accept()[0])
                    if reply is not None:
                        with held.pop() as connection, contextlib.suppress(OSError):  # who only knocked has left
                            connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (None, "Hung: "),
        (b"SSH-2.0-OpenSSH_9.6\r\n" * 10, "Unavailable: "),
        (b"HTTP/1.1 400 No\r\n\r\n", "Unavailable: "),
    ],
)
def test_a_socket_of_something_else_is_trouble_and_no_hang(path: Path, reply: bytes | None, trouble: str) -> None:
    async def main() -> None:
        async with started(at(path), Clock()) as identity:
            assert identity.trouble.startswith(trouble)

    with listening(path, reply):
        asyncio.run(main())


def test_an_agent_that_accepts_no_more_connections_hangs(path: Path) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(str(path))
        with pytest.raises(IdentityError, match="Hung: "):
            WorkloadAPI(str(path), None, 0.3).ask(lambda: None)


def test_a_rotation_is_seen_at_once_and_nothing_else_is_a_change(path: Path, agent: WorkloadApiServer) -> None:
    async def main() -> None:
        async with started(at(path), Clock(), SELDOM) as identity:
            await quiet(agent)
            before = identity.current
            agent.say(REGISTERED)
            assert await stays(lambda: identity.current is before)
            fresh = served()
            agent.say(Script([fresh]))
            await until(lambda: identity.current is not before)
            assert holds(identity, fresh)
            assert identity.trouble == ""

    asyncio.run(main())


def test_the_poll_finds_what_the_stream_did_not_say(path: Path, agent: WorkloadApiServer) -> None:
    async def main() -> None:
        async with started(at(path), Clock()) as identity:
            calls = agent.calls
            before = identity.current
            await until(lambda: agent.calls >= calls + 3)
            assert identity.current is before

    asyncio.run(main())


def test_a_new_authority_is_a_new_identity_and_the_newest_end_counts(path: Path, agent: WorkloadApiServer) -> None:
    async def main() -> None:
        async with started(at(path), Clock(), SELDOM) as identity:
            before = identity.current
            agent.say(Script([replace(ME, bundle=bundle_of(NEXT_CA, CA))]))
            await until(lambda: identity.current is not before)
            assert holds(identity, ME)
            assert identity.current is not None
            assert set(identity.current.bundles["example.org"]) == {CA.certificate, NEXT_CA.certificate}
            assert identity.newest_authorities() == newest(CA)
            after = identity.current
            agent.say(Script([replace(ME, bundle=bundle_of(CA, NEXT_CA))]))
            assert await stays(lambda: identity.current is after)

    asyncio.run(main())


def test_the_order_of_authorities_is_no_change() -> None:
    svid = CA.issue("spiffe://example.org/watcher", not_before=NOW, not_after=NOW + 60)
    authorities = [CA.certificate, NEXT_CA.certificate]
    one = assemble("example.org", svid.chain, svid.key, {"example.org": authorities})
    other = assemble("example.org", svid.chain, svid.key, {"example.org": authorities[::-1]})
    assert same(one, other)


def test_an_svid_is_used_until_it_expires_though_its_registration_is_gone(
    path: Path, agent: WorkloadApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        clock = Clock()
        async with started(at(path), clock, SELDOM) as identity:
            await quiet(agent)
            before = identity.current
            agent.say(NOT_REGISTERED)
            await until(lambda: "NotRegistered" in told(caplog))
            assert identity.current is before
            assert identity.trouble == ""
            clock.now = NOW + 300
            assert identity.confirmed
            clock.now = NOW + 301
            assert not identity.confirmed
            assert identity.trouble.startswith("NotRegistered: ")
            clock.now = NOW + 3601
            assert identity.current is not before
            assert identity.trouble.startswith("NotRegistered: ")

    asyncio.run(main())


def test_an_expired_svid_is_dropped_even_though_the_api_serves_it_on(path: Path, agent: WorkloadApiServer) -> None:
    async def main() -> None:
        clock = Clock()
        async with started(at(path), clock) as identity:
            clock.now = NOW + 3600
            assert holds(identity, ME)
            clock.now = NOW + 3601
            assert identity.trouble.startswith("SVIDExpired: spiffe://example.org/watcher until 2027-01-15T09:00:00Z")
            rest = identity.current
            assert rest is not None
            assert (rest.chain, rest.key, rest.trust_domain) == ((), None, "example.org")
            assert rest.bundles == {"example.org": (CA.certificate,)}
            await until(lambda: identity.confirmed)
            assert identity.current is rest
            clock.now = NOW + 3599
            assert holds(identity, ME)  # the clock was wrong, not the SVID
            clock.now = NOW + 3601
            fresh = served(lasts=7200)
            agent.say(Script([fresh]))
            await until(lambda: identity.trouble == "")
            assert holds(identity, fresh)

    asyncio.run(main())


def test_an_svid_that_is_expired_from_the_start_gives_its_bundles_only(path: Path, agent: WorkloadApiServer) -> None:
    agent.say(Script([served(lasts=-1)]))

    async def main() -> None:
        async with started(at(path), Clock()) as identity:
            assert identity.trouble.startswith("SVIDExpired: ")
            assert identity.current is not None
            assert identity.current.chain == ()
            assert identity.confirmed

    asyncio.run(main())


@pytest.mark.parametrize(
    ("trust_domain", "expected"),
    [(None, "partner.test"), ("example.org", "example.org"), ("partner.test", "partner.test")],
)
def test_of_several_svids_it_is_the_first_or_that_of_the_own_trust_domain(
    path: Path, agent: WorkloadApiServer, trust_domain: str | None, expected: str
) -> None:
    partner = served(ca=PARTNER_CA)
    agent.say(Script([partner, served("other", PARTNER_CA), ME, served("second")]))

    async def main() -> None:
        async with started(at(path, trust_domain), Clock()) as identity:
            assert identity.current is not None
            assert identity.current.trust_domain == expected
            assert holds(identity, ME if expected == "example.org" else partner)
            assert set(identity.current.bundles) == {"example.org", "partner.test"}

    asyncio.run(main())


def test_a_restart_of_the_agent_changes_nothing_and_the_next_rotation_is_seen(
    path: Path, agent: WorkloadApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with started(at(path), Clock(), SELDOM) as identity:
            await quiet(agent)
            before = identity.current
            agent.stop()
            await until(lambda: told(caplog))
            assert told(caplog) == ["SocketMissing"]
            assert identity.current is before
            assert identity.trouble == ""
            calls = agent.calls
            agent.start()
            await until(lambda: agent.calls > calls)
            assert await stays(lambda: identity.current is before)
            fresh = served()
            agent.say(Script([fresh]))
            await until(lambda: holds(identity, fresh))

    asyncio.run(main())


def test_an_agent_that_hangs_is_told_after_five_minutes_and_missed_no_longer_than_it_hangs(
    path: Path, agent: WorkloadApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        clock = Clock()
        async with started(at(path), clock) as identity:
            agent.say(HANGING)
            await until(lambda: "Hung" in told(caplog))
            assert identity.trouble == ""
            clock.now += 301
            assert identity.trouble.startswith("Hung: ")
            agent.say(REGISTERED)
            await until(lambda: identity.confirmed)
            assert identity.trouble == ""

    asyncio.run(main())


def test_an_agent_that_ends_each_stream_is_still_followed(path: Path, agent: WorkloadApiServer) -> None:
    agent.say(Script([ME], hang_up=True))

    async def main() -> None:
        async with started(at(path), Clock(), SELDOM) as identity:
            for fresh in (served(), served()):
                agent.say(Script([fresh], hang_up=True))
                await until(partial(holds, identity, fresh))
                await stays(lambda: True)

    asyncio.run(main())


def test_an_outage_is_logged_once_and_the_libraries_say_nothing(
    path: Path, agent: WorkloadApiServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        async with started(at(path), Clock()) as identity:
            agent.say(NOT_REGISTERED)
            await until(lambda: "NotRegistered" in told(caplog))
            calls = agent.calls
            await until(lambda: agent.calls > calls + 10)
            agent.say(REGISTERED)
            await until(lambda: not identity._failure)

    with caplog.at_level(logging.INFO):
        asyncio.run(main())
    ours = [record for record in caplog.records if record.name.startswith("watcher.identity")]
    assert [record.getMessage() for record in ours] == [
        "identity updated",
        "cannot fetch identity",
        "identity updated",
    ]
    assert [record.name for record in caplog.records if record.name.startswith(("spiffe", "grpc"))] == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("script", [REGISTERED, HANGING, NOT_REGISTERED])
def test_closing_ends_every_thread_at_once_even_when_the_agent_hangs(
    path: Path, agent: WorkloadApiServer, script: Script
) -> None:
    others = set(threading.enumerate())
    agent.say(script)

    async def main() -> float:
        identity = open_identity(at(path), Clock(), replace(QUICK, patience=30))
        await identity.start()
        await until(lambda: agent.calls)
        begin = time.monotonic()
        await identity.close()
        return time.monotonic() - begin

    assert asyncio.run(main()) < 2
    agent.stop()
    for thread in set(threading.enumerate()) - others:
        thread.join(1)
    assert set(threading.enumerate()) <= others


def test_closing_before_the_first_answer_and_closing_twice_are_fine(path: Path) -> None:
    async def main() -> None:
        with listening(path, None):
            identity = open_identity(at(path), Clock(), replace(QUICK, patience=30))
            await identity.close()
            identity = open_identity(at(path), Clock(), replace(QUICK, patience=30))
            await identity.start()
            await identity.wait_first(0.05)
            assert identity.trouble == "NotAskedYet: there is no answer yet"
            await identity.close()
            await identity.close()

    begin = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - begin < 2


def test_grpc_is_imported_only_for_a_workload_api() -> None:
    code = "import sys, watcher.identity; sys.exit('grpc' in sys.modules or 'spiffe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_client_is_not_held_back_by_the_failures_of_another(path: Path) -> None:
    _stale(path)
    failing = UnsharedClient(f"unix://{path}")
    with pytest.raises(PySpiffeError, match="Connection refused"):
        failing.fetch_x509_context(timeout=1)
    with WorkloadApiServer(path, REGISTERED), UnsharedClient(f"unix://{path}") as fresh:
        assert fresh.fetch_x509_context(timeout=5).x509_svids
    failing.close()


def test_damaged_answers_give_a_whole_identity_or_an_identity_error(path: Path, agent: WorkloadApiServer) -> None:
    source = WorkloadAPI(str(path), None, 1.0)

    @given(st.sampled_from(("chain", "key", "bundle")), st.integers(0, 700), st.binary(max_size=20))
    def ask(part: str, at: int, junk: bytes) -> None:
        agent.say(Script([replace(ME, **{part: getattr(ME, part)[:at] + junk})]))
        try:
            identity = source.ask(lambda: None)
        except IdentityError:
            return
        assert identity.key is not None
        assert identity.key.public_key() == identity.chain[0].public_key()

    ask()
    source.close()
