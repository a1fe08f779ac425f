"""Who may read, over what: TLS, client certificates, passwords, a token and names, asked of a daemon from outside."""

import asyncio
import base64
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest

from tests.servers.daemon import DaemonProcess, run_daemon, write_config
from tests.servers.key_updates import change_keys
from tests.servers.process import eventually, status_of
from tests.servers.strangers import strangers
from watcher.cli import main
from watcher.config.sections import ServerSettings
from watcher.demo.authority import Authority, Svid
from watcher.web.serving.access import Access

PASSWORD, TOKEN = "correct horse", "s3cr3t-t0k3n"
HASHED = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
DEAR = bcrypt.hashpw(b"other", bcrypt.gensalt(9)).decode()
NOBODY = {"discovery": {"static": [{"namespace": "prod", "agent": "search", "metrics": "http://127.0.0.1:9/metrics"}]}}


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Closed:
    """A daemon that shows nothing to strangers, and what its friends have."""

    daemon: DaemonProcess
    health_port: int
    home: Path
    authority: Authority
    client: tuple[Path, Path]

    def context(self, *, certificate: bool = True) -> ssl.SSLContext:
        """What a friend connects with."""
        context = ssl.create_default_context(cafile=str(self.home / "bundle.pem"))
        if certificate:
            context.load_cert_chain(*self.client)
        return context

    def ask(self, path: str, *, certificate: bool = True, **headers: str) -> httpx.Response:
        """The answer to a GET over TLS."""
        url = f"https://127.0.0.1:{self.daemon.address[1]}{path}"
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        context = self.context(certificate=certificate)
        return httpx.get(url, headers=given, verify=context, trust_env=False, timeout=30)

    def serial(self) -> int:
        """Of the certificate that it serves."""
        with (
            socket.create_connection(self.daemon.address) as raw,
            self.context().wrap_socket(raw, server_hostname="127.0.0.1") as secured,
        ):
            served = secured.getpeercert()
            assert served
            return int(str(served["serialNumber"]), 16)


def issued(authority: Authority, name: str) -> Svid:
    """A certificate for an hour, for loopback."""
    now = time.time()
    return authority.issue(
        f"spiffe://example.org/{name}", not_before=now - 60, not_after=now + 3600, hosts=("127.0.0.1",)
    )


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    home = tmp_path_factory.mktemp("closed")
    authority, health = Authority("example.org", time.time()), free_port()
    certificate, key = issued(authority, "watcher").write(home)
    bundle = authority.write_bundle(home)
    (home / "client").mkdir()
    client = issued(authority, "prometheus").write(home / "client")
    (home / "token").write_text(TOKEN + "\n")
    server = {
        "port": 0,
        "health_port": health,
        "tls": {"cert_file": str(certificate), "key_file": str(key), "client_ca_file": str(bundle)},
        "basic_auth_users": {"prometheus": HASHED, "zoë": DEAR},
        "bearer_token_file": str(home / "token"),
    }
    with run_daemon(home, {"server": server, **NOBODY}) as daemon:
        yield Closed(daemon, health, home, authority, client)


def basic(user: str, password: str) -> str:
    """As RFC 7617 has it."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_open_on_both_ports(closed: Closed, path: str) -> None:
    assert closed.ask(path, certificate=False).status_code == 200
    assert status_of(closed.health_port, path) == 200


@pytest.mark.parametrize("path", ["/metrics", "/", "/api/v1/targets", "/runbooks"])
def test_the_port_of_health_has_nothing_else(closed: Closed, path: str) -> None:
    assert status_of(closed.health_port, path) == 404


@pytest.mark.parametrize("path", ["/metrics", "/", "/api/v1/targets", "/runbooks", "/style.css", "/livez/", "/none"])
def test_everything_else_wants_certificate_and_credentials(closed: Closed, path: str) -> None:
    assert closed.ask(path, certificate=False, Authorization=f"Bearer {TOKEN}").status_code == 403
    refused = closed.ask(path)
    assert refused.status_code == 401
    assert refused.headers.get_list("WWW-Authenticate") == [
        'Basic realm="agentweave-watcher", charset="UTF-8"',
        'Bearer realm="agentweave-watcher"',
    ]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (basic("prometheus", PASSWORD), 200),
        (basic("zoë", "other"), 200),
        (f"bearer {TOKEN}", 200),
        (basic("prometheus", PASSWORD + "x"), 401),
        (basic("prometheus", ""), 401),
        (basic("prometheus", "other"), 401),
        (basic("nobody", PASSWORD), 401),
        (basic("", ""), 401),
        (basic("prometheus", PASSWORD.ljust(100, "\0")), 401),
        ("Basic !!!", 401),
        ("Basic " + base64.b64encode(b"prometheus").decode(), 401),
        (f"Bearer {TOKEN}x", 401),
        ("Basic", 401),
        (TOKEN, 401),
    ],
)
def test_credentials_are_right_or_wrong(closed: Closed, header: str, status: int) -> None:
    for _ in range(2):  # the second time from memory
        assert closed.ask("/metrics", Authorization=header).status_code == status


def test_two_credentials_at_once_are_none(closed: Closed) -> None:
    shown = [("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {TOKEN}")]
    url = f"https://127.0.0.1:{closed.daemon.address[1]}/metrics"
    assert httpx.get(url, headers=shown, verify=closed.context(), trust_env=False).status_code == 401


def test_a_certificate_of_another_authority_is_no_certificate(closed: Closed, tmp_path: Path) -> None:
    context = closed.context(certificate=False)
    context.load_cert_chain(*issued(Authority("example.org", time.time()), "prometheus").write(tmp_path))
    url = f"https://127.0.0.1:{closed.daemon.address[1]}/livez"
    with pytest.raises(httpx.TransportError):
        httpx.get(url, verify=context, trust_env=False)


@pytest.mark.parametrize("ciphers", ["DHE", "AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"])
def test_old_ciphers_are_not_served(closed: Closed, ciphers: str) -> None:
    context = closed.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError), socket.create_connection(closed.daemon.address, timeout=10) as raw:
        context.wrap_socket(raw, server_hostname="127.0.0.1")


@pytest.mark.parametrize(("group", "served"), [("P-256", True), ("X25519:P-256", True), ("ffdhe2048", False)])
def test_no_stranger_chooses_a_costly_exchange_of_keys(closed: Closed, group: str, *, served: bool) -> None:
    address = f"127.0.0.1:{closed.daemon.address[1]}"
    command = ["openssl", "s_client", "-connect", address, "-tls1_3", "-groups", group]
    told = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=20)
    assert (b"Cipher is TLS_" in told.stdout) is served


def test_a_caller_that_changes_keys_without_an_end_is_cut(closed: Closed, tmp_path: Path) -> None:
    context = closed.context()
    context.keylog_filename = str(tmp_path / "keys")
    with (
        socket.create_connection(closed.daemon.address, timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as secured,
    ):
        change_keys(secured, tmp_path / "keys", 200)
        secured.settimeout(3)
        try:
            heard = secured.recv(1)
        except ConnectionResetError:
            heard = b""
    assert heard == b"", "and not only after the five seconds of a connection that asks for nothing"


def test_who_goes_on_with_a_handshake_is_answered_among_hundreds_that_only_say_hello(closed: Closed) -> None:
    with strangers(closed.daemon.address[1], "hello", 400):
        answers = [closed.ask(path, Authorization=f"Bearer {TOKEN}") for path in ("/livez", "/metrics") * 3]
        assert status_of(closed.health_port, "/livez") == 200
    assert [each.status_code for each in answers] == [200] * 6


def test_plain_http_gets_no_answer_at_the_port_of_tls(closed: Closed) -> None:
    assert status_of(closed.daemon.address[1], "/livez") is None


def test_wrong_passwords_by_the_dozen_hold_up_nobody(closed: Closed) -> None:
    known = basic("prometheus", PASSWORD)
    assert closed.ask("/metrics", Authorization=known).status_code == 200
    with ThreadPoolExecutor(40) as pool:
        tries = [
            pool.submit(lambda: closed.ask("/metrics", Authorization=basic("zoë", "guess")).status_code)
            for _ in range(40)
        ]
        begun = time.monotonic()
        assert closed.ask("/livez").status_code == 200
        assert closed.ask("/metrics", Authorization=f"Bearer {TOKEN}").status_code == 200
        assert closed.ask("/metrics", Authorization=known).status_code == 200, "it was right before"
        assert time.monotonic() - begun < 3
        assert {each.result() for each in tries} <= {401, 503}


def test_guesses_from_seven_addresses_leave_a_place_for_who_knows() -> None:
    async def main() -> bool:
        access = Access(ServerSettings(basic_auth_users={"zoë": DEAR}))

        def shown(password: str, address: int) -> Coroutine[Any, Any, bool]:
            return access.credentials.allow(basic("zoë", password).encode(), f"10.0.0.{address}")

        guesses = [asyncio.create_task(shown("guess", number % 7)) for number in range(280)]
        await asyncio.sleep(0)
        knows = await shown("other", 99)
        refused = [each for each in guesses if each.done() and each.exception()]
        assert len(refused) == 252, "each address has four of the 32 places"
        await asyncio.gather(*guesses, return_exceptions=True)
        return knows

    assert asyncio.run(main())


def test_a_password_that_was_right_is_known_after_the_files_were_read_again(tmp_path: Path) -> None:
    token = tmp_path / "token"

    async def main() -> list[bool]:
        token.write_text("first")
        access = Access(ServerSettings(basic_auth_users={"zoë": DEAR}, bearer_token_file=token))
        found = [await access.credentials.allow(basic("zoë", "other").encode(), "a")]
        token.write_text("second")
        await access.reread()
        busy = [asyncio.create_task(access.credentials.allow(basic("zoë", "guess").encode(), "a")) for _ in range(4)]
        await asyncio.sleep(0)
        found.append(await access.credentials.allow(basic("zoë", "other").encode(), "a"))
        await asyncio.gather(*busy)
        return found

    assert asyncio.run(main()) == [True, True]


def test_an_unknown_user_costs_the_time_of_a_known_one(closed: Closed) -> None:
    def seconds(user: str) -> float:
        begun = time.monotonic()
        assert closed.ask("/metrics", Authorization=basic(user, "guess")).status_code == 401
        return time.monotonic() - begun

    known, unknown = (min(seconds(user) for _ in range(3)) for user in ("zoë", "nobody"))
    assert 0.5 < unknown / known < 2


def test_a_renewed_certificate_and_token_are_taken_and_bad_ones_told(closed: Closed) -> None:
    before, renewed = closed.serial(), issued(closed.authority, "watcher")
    renewed.write(closed.home)
    (closed.home / "token").write_text("another")
    eventually(lambda: closed.serial() != before, within=20)
    assert closed.ask("/metrics", Authorization="Bearer another").status_code == 200
    assert closed.ask("/metrics", Authorization=f"Bearer {TOKEN}").status_code == 401
    kept = closed.serial()
    (closed.home / "svid.key").write_text("nonsense")
    said = closed.daemon.logged(lambda line: line["msg"] == "server files rejected, keeping the previous ones")
    assert re.search(r"svid\.pem and .*svid\.key are no PEM certificate and its key", said[0]["error"])
    assert closed.serial() == kept
    impaired = 'agentweave_watcher_impaired{reason="ConfigRejected"} 1'
    eventually(lambda: impaired in closed.ask("/metrics", Authorization="Bearer another").text)
    renewed.write(closed.home)
    (closed.home / "token").write_text(TOKEN)
    eventually(lambda: closed.ask("/metrics", Authorization=f"Bearer {TOKEN}").status_code == 200, within=20)
    assert impaired not in closed.ask("/metrics", Authorization=f"Bearer {TOKEN}").text


def test_what_was_read_for_an_older_config_is_not_taken_for_a_newer_one(tmp_path: Path) -> None:
    slow, new = tmp_path / "slow", tmp_path / "new"
    slow.write_text("old")
    new.write_text("newer")

    async def main() -> tuple[bool, bool]:
        access = Access(ServerSettings(bearer_token_file=slow))
        slow.unlink()
        os.mkfifo(slow)  # which is not read before somebody writes
        rereading = asyncio.create_task(access.reread())
        adopting = asyncio.create_task(access.adopt(ServerSettings(bearer_token_file=new)))
        await asyncio.to_thread(slow.write_text, "changed")
        await asyncio.gather(rereading, adopting)
        allow = access.credentials.allow
        return await allow(b"Bearer newer", "127.0.0.1"), await allow(b"Bearer changed", "127.0.0.1")

    assert asyncio.run(main()) == (True, False)


def test_no_secret_is_in_the_log(closed: Closed) -> None:
    log = closed.daemon.log_file.read_text()
    assert [secret for secret in (PASSWORD, TOKEN, HASHED, DEAR, "$2b$") if secret in log] == []


OURS = [
    "127.0.0.1",
    "127.0.0.1:9847",
    "[::1]:1",
    "10.1.2.3",
    "localhost",
    "LOCALHOST:80",
    "localhost.",
    "w.example.org",
]
OTHERS = [
    "evil.example",
    "w.example.org.evil.example",
    "",
    "127.0.0.1.evil.example",
    "[::1",
    "a@localhost",
    "localhost:x",
]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    server = {"port": 0, "allowed_hosts": ["W.example.org"]}
    with run_daemon(tmp_path_factory.mktemp("named"), {"server": server, **NOBODY}) as daemon:
        yield daemon


@pytest.mark.parametrize(("host", "status"), [(each, 200) for each in OURS] + [(each, 421) for each in OTHERS])
@pytest.mark.parametrize("path", ["/metrics", "/", "/api/v1/targets", "/livez"])
def test_only_names_of_ours_are_answered(named: DaemonProcess, path: str, host: str, status: int) -> None:
    assert named.get(path, Host=host).status_code == status


@pytest.mark.parametrize(
    ("heads", "status"),
    [
        (b"GET /livez HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"400"),
        (b"GET /livez HTTP/1.0\r\n\r\n", b"200"),
        (b"GET http://evil.example/livez HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
    ],
)
def test_a_request_has_one_host(named: DaemonProcess, heads: bytes, status: bytes) -> None:
    with socket.create_connection(named.address, timeout=5) as caller:
        caller.sendall(heads)
        assert caller.recv(100).split()[1] == status


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/", "/api/v1/targets", "/page.js", "/none", "/runbooks"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_is_kept_by_nobody_and_is_what_it_says(named: DaemonProcess, path: str, host: str) -> None:
    headers = named.get(path, Host=host).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("cache-control") == ["no-store"]
    [policy] = headers.get_list("content-security-policy")
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; "
    )
    assert "unsafe" not in policy


def test_a_reload_takes_users_and_names_and_not_another_port(named: DaemonProcess) -> None:
    directory = named.log_file.parent
    write_config(directory, {"server": {"port": 1, "allowed_hosts": ["n.example.org"]}, **NOBODY})
    named.reload()
    assert named.get("/livez", Host="n.example.org").status_code == 200
    assert named.get("/livez", Host="w.example.org").status_code == 421
    named.logged(lambda line: line["msg"] == "config section changed, restart required" and line["section"] == "server")


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ({"tls": {"cert_file": "c.pem"}}, "server.tls.key_file: missing, but required"),
        (
            {"basic_auth_users": {"a": "hunter2"}},
            "server.basic_auth_users.a: expected a bcrypt hash, such as htpasswd -nB makes it, got something else",
        ),
        (
            {"basic_auth_users": {"a": HASHED.replace("$04$", "$13$")}},
            "server.basic_auth_users.a: expected a bcrypt hash with a cost from 4 to 12, got 13",
        ),
        (
            {"basic_auth_users": {"a": 31337}},
            "server.basic_auth_users.a: expected text (a number or true needs quotes)",
        ),
        ({"basic_auth_users": "hunter2"}, "server.basic_auth_users: expected a mapping"),
        ({"basic_auth_users": {"a:b": HASHED}}, "without a colon"),
        ({"allowed_hosts": ["10.0.0.1"]}, "server.allowed_hosts[0]: expected a host name, got the IP address 10.0.0.1"),
        ({"allowed_hosts": ["a/b"]}, "server.allowed_hosts[0]: expected an IP address or a host name, got 'a/b'"),
        ({"port": 5, "health_port": 5}, "server.health_port: health_port and port are both 5, expected two ports"),
        ({"health_port": 0}, "server.health_port: expected greater than or equal to 1, got 0"),
    ],
)
def test_mistakes_are_named_and_secrets_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], server: object, said: str
) -> None:
    assert main(["config", "check", str(write_config(tmp_path, {"server": server}))]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
    assert not re.search(r"hunter2|31337|\$2b", line)


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ({"tls": {"cert_file": "/none/c", "key_file": "/none/k"}}, "server: /none/c: No such file or directory"),
        ({"bearer_token_file": "/dev/null"}, "server: /dev/null holds no token: expected 1 to 4096"),
    ],
)
def test_a_daemon_does_not_start_without_the_files_of_its_port(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], server: dict[str, object], said: str
) -> None:
    assert main(["run", "--config", str(write_config(tmp_path, {"server": server | {"port": 0}}))]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
