"""At which addresses the daemon is reached."""

import json
import socket
from pathlib import Path

import httpx
import pytest

from tests.servers.daemon import run_daemon
from watcher.commands.run import listen, run

PAGES = ("/readyz", "/metrics")


def _answers(host: str, port: int) -> list[int]:
    return [httpx.get(f"http://{host}:{port}{page}", trust_env=False, timeout=30).status_code for page in PAGES]


def test_every_address_means_those_of_both_families(tmp_path: Path) -> None:
    with run_daemon(tmp_path, {"server": {"host": "::", "port": 0}}) as daemon:
        port = daemon.address[1]
        assert [_answers(host, port) for host in ("127.0.0.1", "[::1]")] == [[200, 200], [200, 200]]
        [line] = daemon.logged(lambda line: line["msg"] == "serving")
        assert line["address"] == f"[::]:{port}"


def test_an_address_of_one_family_is_that_one_alone() -> None:
    with listen("::1", 0) as listener, listen("127.0.0.1", 0) as other:
        assert listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        assert other.family is socket.AF_INET


@pytest.mark.parametrize("host", ["::", "0:0:0:0:0:0:0:0"])
def test_every_address_is_known_however_it_is_written(host: str) -> None:
    with listen(host, 0) as listener:
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=5).close()


def test_a_port_that_is_taken_is_told_with_brackets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listen("::1", 0) as listener:
        port = listener.getsockname()[1]
        config = tmp_path / "watcher.yaml"
        config.write_text(json.dumps({"server": {"host": "::1", "port": port}}))
        assert run(config, {}) == 2
    assert f"cannot listen on [::1]:{port}: " in capsys.readouterr().err
