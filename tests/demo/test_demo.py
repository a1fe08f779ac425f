import asyncio
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probes import load_probes
from tests.servers.tools import need
from watcher.demo.authority import Authority
from watcher.demo.fleet import SimulatedAgent
from watcher.demo.run import called
from watcher.demo.scenario import SCRIPT

pytestmark = pytest.mark.xdist_group("demo")  # one run for all tests

SECONDS = 16


@pytest.fixture(scope="module")
def told() -> str:
    """What the terminal shows of the demo's beginning."""
    need("a running daemon")
    command = [sys.executable, "-m", "watcher", "demo", "--seconds", str(SECONDS), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_demo_makes_faults_and_the_watcher_tells_them(told: str) -> None:
    assert re.search(r"injected +billing +it serves the identity of another agent", told)
    assert re.search(r"watcher +billing +SVIDWrongIdentity UnexpectedID: spiffe://", told)
    assert re.search(r"billing +SVIDWrongIdentity +detected after \d+\.\d s", told)


def test_the_demo_leaves_no_process_and_no_file_behind(told: str) -> None:
    [config] = re.findall(r"The config is (\S+);", told)
    [port] = re.findall(r"http://127\.0\.0\.1:(\d+)/metrics", told)
    home = str(Path(config).parent)
    assert not Path(home).exists()
    assert [each for each in Path("/proc").glob("[0-9]*/cmdline") if home.encode() in _read(each)] == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))


def test_the_demo_says_how_it_is_called_from_another_terminal(told: str) -> None:
    [command] = re.findall(r"In another terminal: (.*) status --url http://127", told)
    done = subprocess.run([*shlex.split(command), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("agentweave-watcher ")
    assert called("/a place/bin/agentweave-watcher") in ("agentweave-watcher", "'/a place/bin/agentweave-watcher'")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""


def test_an_agent_that_starts_while_its_svid_is_rotated_serves(tmp_path: Path) -> None:
    async def main() -> None:
        authority = Authority("demo.agentweave", time.time())
        agent = SimulatedAgent("search", tmp_path, authority, authority.write_bundle(tmp_path))
        try:
            for _ in range(3):
                starting = asyncio.create_task(agent.start())
                while not starting.done():
                    await agent.rotate()
                    await asyncio.sleep(0.02)
                await starting
                await agent.kill()
        finally:
            await agent.kill()

    asyncio.run(main())


def test_every_fault_of_the_script_names_conditions_that_there_are() -> None:
    names = {kind.name for probe in load_probes() for kind in probe.conditions}
    assert {condition for fault in SCRIPT for condition in fault.detected_as} <= names | {"SignalAbsent"}
