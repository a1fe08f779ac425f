import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from probes import load_probes
from watcher.demo.script import SCRIPT

SECONDS = 16


@pytest.fixture(scope="module")
def told() -> str:
    """What the terminal shows of the demo's beginning."""
    command = [sys.executable, "-m", "watcher", "demo", "--seconds", str(SECONDS), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_demo_makes_faults_and_the_watcher_tells_them(told: str) -> None:
    assert re.search(r"made +billing +it serves the identity of another agent", told)
    assert re.search(r"watcher billing +SVIDWrongIdentity UnexpectedID: spiffe://", told)
    assert re.search(r"billing +SVIDWrongIdentity +told after \d+\.\d s", told)


def test_the_demo_leaves_no_process_and_no_file_behind(told: str) -> None:
    [config] = re.findall(r"The config is (\S+);", told)
    [port] = re.findall(r"http://127\.0\.0\.1:(\d+)/metrics", told)
    home = str(Path(config).parent)
    assert not Path(home).exists()
    assert [each for each in Path("/proc").glob("[0-9]*/cmdline") if home.encode() in _read(each)] == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""


def test_every_fault_of_the_script_names_conditions_that_there_are() -> None:
    names = {kind.name for probe in load_probes() for kind in probe.conditions}
    assert {condition for fault in SCRIPT for condition in fault.tells} <= names | {"SignalAbsent"}
