"""A part of the daemon that fails ends it, and the exit code says so, whatever hangs meanwhile."""

import asyncio
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.servers.daemon import run_daemon, write_config
from tests.servers.watched_fleet import PACE, SOURCES
from watcher.commands.run import listen
from watcher.config.settings import Settings, load_settings
from watcher.daemon import Daemon

# Stands on the path of a program before it starts (site, "sitecustomize"): as if the files lay in probes/.
_ON_THE_PATH = """
import probes, probes.sources
probes.__path__.append({0!r} + "/probes")
probes.sources.__path__.append({0!r} + "/sources")
"""

_SOURCE = """
from probes.contract import Reading, SourceKind, SourceSettings


class Brittle:
    def __init__(self, settings, context): ...

    async def look(self, target, wants):
        return Reading()

    def fleet_changed(self, targets): ...

    async def close(self):
        raise LookupError("it breaks as it is closed")


KIND = SourceKind(name="brittle", endpoint="address", settings=SourceSettings, concurrency=1, open=Brittle)
"""

_PROBE = """
from dataclasses import dataclass

from probes.contract import ConditionKind, Evaluation, Limits, Probe, Severity

BROKEN = ConditionKind(name="Broken", severity=Severity.WARNING, true_when="It broke.", all_clear="It is whole.")


@dataclass(frozen=True)
class Nothing: ...


PROBE = Probe(
    name="brittle", source="brittle", conditions=(BROKEN,), limits=Limits, history=Nothing,
    judge=lambda reading, history, context: Evaluation(verdicts=(BROKEN.false(),), history=history),
)
"""


@pytest.mark.parametrize("hangs", [False, True], ids=["ends", "hangs"])
def test_a_daemon_of_which_a_part_failed_exits_with_70_and_says_what_failed(tmp_path: Path, *, hangs: bool) -> None:
    for name, text in (("probes", _PROBE), ("sources", _SOURCE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "brittle.py").write_text(text)
    (tmp_path / "sitecustomize.py").write_text(_ON_THE_PATH.format(str(tmp_path)))
    state = tmp_path / "state"
    state.mkdir()
    if hangs:
        os.mkfifo(state / "state.new")  # to open it for writing waits for a reader, for ever
    target = {"namespace": "prod", "agent": "nobody", "address": "127.0.0.1:9"}  # discard: refuses
    config: dict[str, object] = {"state_dir": str(state), "discovery": {"static": [target]}, "sources": dict(SOURCES)}
    with run_daemon(tmp_path, config, python_path=tmp_path) as daemon:
        write_config(tmp_path, config | {"sources": SOURCES | {"brittle": PACE}})
        assert daemon.end(signal.SIGHUP) == os.EX_SOFTWARE
        told = [(line["level"], line["msg"]) for line in daemon.log() if line["level"] in ("error", "critical")]
    assert told == [
        ("critical", "component failed, shutting down"),
        ("error", "shutdown step failed"),
        ("critical", "exiting after a failure, shutdown did not finish" if hangs else _BUG),
    ]


_BUG = "unexpected error, this is a bug of agentweave-watcher"


def test_a_reload_under_way_is_ended_first_and_a_clean_end_stays_clean(tmp_path: Path) -> None:
    target = {"namespace": "prod", "agent": "nobody", "address": "127.0.0.1:9"}
    config: dict[str, object] = {
        "discovery": {"static": [target]},
        "sources": dict(SOURCES),
        "alertmanager": {"url": "http://127.0.0.1:9"},
        "drill": {"every": "1h"},
    }
    with run_daemon(tmp_path, config) as daemon:
        write_config(tmp_path, config | {"drill": {"every": "2h"}})
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.end() == 0
        assert [line["msg"] for line in daemon.log() if line["level"] in ("error", "critical")] == []


def test_while_a_disk_hangs_under_all_that_is_written_other_files_are_still_read(tmp_path: Path) -> None:
    goes_on = threading.Event()

    async def main() -> None:
        settings = load_settings(write_config(tmp_path, {"discovery": {"static": []}}), {})

        async def reload() -> Settings:
            return settings

        daemon = Daemon(settings, reload)
        with listen("127.0.0.1", 0) as listener:
            running = asyncio.create_task(daemon.run(listener))
            await asyncio.sleep(0)
            hanging = [asyncio.create_task(asyncio.to_thread(goes_on.wait)) for _ in range(20)]
            try:
                await asyncio.wait_for(asyncio.to_thread(tmp_path.stat), 5)
            finally:
                goes_on.set()
            await asyncio.gather(*hanging)
            daemon.stop()
            await running

    asyncio.run(main())
