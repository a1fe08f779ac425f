"""Between the start and a target's first looks: what was read of it is kept small, and nothing of it is lost."""

import asyncio
import gc
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from probes import load_probes
from probes.contract.condition import Status
from tests.bench.daemon import Workload
from tests.bench.windows import full_windows
from tests.engine.toy import FIRE, TOY, History, Rooms, target
from tests.engine.watch import CELLAR, Watch
from watcher.engine.restored import Restored
from watcher.state.file import SMALL, StateFile
from watcher.state.packed_line import PackedLine

FLEET = 200
KEY = target().key
PROBES = [TOY, CELLAR]
NAMES = [probe.name for probe in PROBES]


def _file(directory: Path, name: str = "x") -> StateFile:
    """As an earlier process left it: a bad look of two, and histories of two probes of two sources."""
    known = {"standings": [["Fire", "", "unknown", 1.0, 1]], "past": {"looks": 41}}
    line = {"target": KEY, "reached": {name: "http://127.0.0.1:1"}, "probes": dict.fromkeys(NAMES, known)}
    head = {"format": "agentweave-watcher-state", "version": 1, "targets": 1}
    file = StateFile(directory, PROBES)
    file.path.write_text(f"{json.dumps(head)}\n{json.dumps(line)}\n")
    return file


@pytest.mark.parametrize("sources", [("agent_metrics", "opa"), ("opa", "agent_metrics")])
def test_each_source_goes_on_from_what_was_packed_whichever_looks_first(
    tmp_path: Path, sources: tuple[str, ...]
) -> None:
    limits = {name: TOY.limits(failures=2) for name in NAMES}
    watch = Watch(*PROBES, restored=_file(tmp_path).read().targets[KEY], limits=limits)
    for source in sources:
        watch.look(Rooms(verdicts=(FIRE.true("It burns."),)), source)
    assert [watch.history(place) for place in (0, 1)] == [History(42), History(42)]
    assert [watch.verdicts(place)[0].status for place in (0, 1)] == [Status.TRUE] * 2, "the second bad look of two"
    assert watch.state.restored is None


def test_what_is_packed_is_written_again_as_it_was_while_nobody_has_looked(tmp_path: Path) -> None:
    file = _file(tmp_path)
    before = file.read().targets[KEY]
    watch = Watch(*PROBES, restored=before)
    asyncio.run(file.write(watch.board))
    assert file.read().targets[KEY].of(NAMES) == replace(before.of(NAMES), reached={}), "the address is another one"


def test_a_large_line_is_read_once_for_to_read_it_again_would_hold_up_looks(tmp_path: Path) -> None:
    assert isinstance(_file(tmp_path).read().targets[KEY], PackedLine)
    assert isinstance(_file(tmp_path, name="x" * SMALL).read().targets[KEY], Restored)


def test_a_fleet_of_full_windows_takes_little_until_its_first_looks(tmp_path: Path) -> None:
    full_windows(tmp_path, Workload(agents=FLEET))
    file = StateFile(tmp_path, load_probes())
    file.read()  # what is made once for all
    gc.collect()
    tracemalloc.start()
    try:
        targets = file.read().targets
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(targets) == FLEET
    assert held / FLEET < 2_500, "bytes a target, where its objects take 7,000"
