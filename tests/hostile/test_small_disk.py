"""A state directory on a disk of 8 MB, and twelve agents that name 1,998 things with names of 3.9 kB."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.hostile.attackers import METRICS
from tests.hostile.pages import thousand_long_names
from tests.servers.daemon import run_daemon
from tests.servers.process import eventually
from tests.servers.tools import need

MIB = 1 << 20
DISK = 8 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    need("a running daemon")  # before anything is mounted
    home = tmp_path / "disk"
    home.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", home], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"this machine lets nobody mount: {mounted.stderr.strip()}")
    yield home
    subprocess.run(["umount", "--lazy", home], check=True)


@contextmanager
def _serving(page: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_the_state_of_twelve_boundless_agents_fits_and_a_full_disk_is_told_while_it_is_full(
    disk: Path, tmp_path: Path
) -> None:
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with _serving(thousand_long_names()) as url:
        targets = [{"namespace": "evil", "agent": f"a{n}", "metrics": f"{url}/{n}", **METRICS} for n in range(12)]
        sources = {"agent_metrics": {"interval": "5s", "timeout": "4s"}}
        config = {"state_dir": str(disk / "state"), "discovery": {"static": targets}, "sources": sources}
        with run_daemon(tmp_path, config, wait_for="/livez") as daemon:
            eventually(lambda: daemon.page().value("impaired", reason="StateUnwritable") == 1, within=60)
            filler.unlink()
            eventually(lambda: daemon.page().value("impaired", reason="StateUnwritable") == 0, within=60)
            assert 0 < (disk / "state" / "state.jsonl").stat().st_size < DISK / 2
            assert daemon.rss() < 300 * MIB
            assert daemon.end() == 0
