"""The machine of a benchmark, and what its processes use of it."""

import os
import platform
import ssl
import subprocess
import sys
import time
import timeit
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from cryptography.hazmat.backends.openssl import backend

from tests.repository import ROOT

_TICKS = os.sysconf("SC_CLK_TCK")
_CORES = sorted(os.sched_getaffinity(0))

MEASURED = _CORES[0]
"""The core of what is measured: the daemon, or its peer."""

AROUND = _CORES[-1]
"""The core of the load, of the drivers and of this harness."""


@contextmanager
def started(
    command: Sequence[str], core: int, *, log: IO[str] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A child process that never leaves `core`, with pipes to it; it is ended here whatever happens."""
    own = os.sched_getaffinity(0)
    # Inherited at the start, before the child counts its cores.
    os.sched_setaffinity(0, {core})
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
    finally:
        os.sched_setaffinity(0, own)
    _prefer(child.pid)
    try:
        yield child
    finally:
        end(child)


def _prefer(pid: int) -> None:
    """What else runs on this machine must not look like a stall or a lag; not everybody may say so."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, -10)
        # Where the kernel shares cores by session (sched_autogroup), the priority within one says little.
        Path(f"/proc/{pid}/autogroup").write_text("-10")


def end(child: subprocess.Popen[str], patience: float = 15.0) -> int:
    """Ask the child to end, make it end after `patience` seconds; its exit code."""
    if child.poll() is None:
        child.terminate()
    try:
        child.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
    return child.returncode


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int, field: str) -> int:
    """Bytes of a line of /proc/PID/status: VmRSS now, VmHWM at its peak."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    msg = f"process {pid} has no {field}"
    raise LookupError(msg)


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time of a process over a while."""

    cpu: float  # seconds
    wall: float  # seconds

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.cpu + other.cpu, self.wall + other.wall)

    @property
    def core_share(self) -> float:
        """Of one core; 1.0 is all of it."""
        return self.cpu / self.wall


class Meter:
    """Counts the CPU time of a process from now on."""

    def __init__(self, pid: int) -> None:
        self._pid, self._cpu, self._time = pid, cpu_seconds(pid), time.monotonic()

    def read(self) -> Usage:
        """What was used since the start."""
        return Usage(cpu_seconds(self._pid) - self._cpu, time.monotonic() - self._time)


def facts(program: str = "tests.bench") -> dict[str, str]:
    """What a reader must know of this machine to make sense of the figures of this program."""
    return {
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "Python": f"{platform.python_version()} in {sys.base_prefix}, uvloop {version('uvloop')}",
        "OpenSSL": f"{backend.openssl_version_text()} (cryptography), {ssl.OPENSSL_VERSION} (ssl)",
        "speed": f"{_additions():.0f} ms for two million additions in Python, the best of five",
        "load before the run": f"{os.getloadavg()[0]:.1f}",
        "command": f"python -m {program} " + " ".join(sys.argv[1:]),
    }


def _additions() -> float:
    """Milliseconds: machines that share their cores differ by more than the programs that are compared on them."""
    return min(timeit.repeat("for number in range(2_000_000): total += number", "total = 0", number=1)) * 1e3


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
