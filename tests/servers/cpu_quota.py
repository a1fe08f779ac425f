"""A process that may have only a part of a core, by a control group of its own; skips where none can be had."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PERIOD = 100_000  # microseconds, as Kubernetes has it
_ROOTS = {  # where groups are made, and how such a quota is written
    Path("/sys/fs/cgroup"): ("cpu.max", "{} 100000"),
    Path("/sys/fs/cgroup/cpu"): ("cpu.cfs_quota_us", "{}"),
}


@contextmanager
def cpu_quota(pid: int, cores: float) -> Iterator[None]:
    """The process and all its threads have so much of a core until the end."""
    group = _group(round(cores * _PERIOD))
    try:
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        if Path(f"/proc/{pid}").exists():
            (group.parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def _group(quota: int) -> Path:
    why = "no control group for CPU is mounted"
    for root, (file, text) in _ROOTS.items():
        group = root / f"agentweave-watcher-{os.getpid()}"
        try:
            group.mkdir()
        except OSError as error:
            why = str(error)
            continue
        try:
            if (group / file).exists():
                (group / file).write_text(text.format(quota))
                return group
        except OSError as error:
            why = str(error)
        group.rmdir()
    pytest.skip(f"no quota of CPU can be set: {why}")
