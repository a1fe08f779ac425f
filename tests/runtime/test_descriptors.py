"""File descriptors: looks first, and what is told where there are too few."""

import errno
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from watcher.runtime.descriptors import FEWEST_READERS, MOST_READERS, Descriptors


@contextmanager
def limited(soft: int) -> Iterator[None]:
    """This process may open so many files, until the end of the block."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_readers_get_what_looks_leave() -> None:
    found = {}
    for limit in (400, 1100, 4096):
        with limited(limit):
            descriptors = Descriptors(768, lambda: 0.0)
        found[limit] = (descriptors.readers, descriptors.trouble)
    assert found[4096] == (MOST_READERS, "")
    assert found[1100] == (204, "")
    short = "the process may open 400 files, and needs 912 when all looks are under way"
    assert found[400] == (FEWEST_READERS, short)


def test_a_descriptor_that_was_not_to_be_had_is_told_for_a_minute() -> None:
    now = [0.0]
    with limited(4096):
        descriptors = Descriptors(768, lambda: now[0])
    assert not descriptors.failed(OSError(errno.ECONNREFUSED, "no"))
    assert descriptors.trouble == ""
    assert descriptors.failed(OSError(errno.EMFILE, "no"))
    assert descriptors.trouble == "all 4096 file descriptors of the process were in use"
    now[0] = 61.0
    assert descriptors.trouble == ""


def test_that_there_is_none_left_is_found_out() -> None:
    script = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from watcher.runtime.descriptors import Descriptors
found = Descriptors(1, lambda: 0.0)
held = []
try:
    while True: held.append(os.dup(2))
except OSError: pass
found.check()
os.closerange(held[0], held[-1] + 1)
print(found.trouble)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "all 64 file descriptors of the process were in use\n"


def _limit(daemon: DaemonProcess, limit: int) -> None:
    hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (min(limit, hard), hard))


def test_the_daemon_says_that_it_is_short_and_does_not_spin(tmp_path: Path) -> None:
    target = {"namespace": "prod", "agent": "search", "metrics": "http://127.0.0.1:9/metrics"}
    with run_daemon(tmp_path, {"discovery": {"static": [target]}}) as daemon:
        assert daemon.page().value("impaired", reason="DescriptorsShort") == 0
        _limit(daemon, len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir())) + 3)
        strangers = [socket.create_connection(daemon.address) for _ in range(30)]
        before, begun = _cpu(daemon), time.monotonic()
        time.sleep(2)
        assert (_cpu(daemon) - before) / (time.monotonic() - begun) < 0.6
        for stranger in strangers:
            stranger.close()
        _limit(daemon, 4096)
        eventually(lambda: daemon.page().value("impaired", reason="DescriptorsShort") == 1, within=20)
        [line] = daemon.logged(lambda line: line.get("reason") == "DescriptorsShort")
        assert (line["msg"], line["level"]) == ("impaired", "warning")
        assert "file descriptors of the process were in use" in line["why"]


def _cpu(daemon: DaemonProcess) -> float:
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
