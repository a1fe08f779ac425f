import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from watcher.config.file import ConfigError
from watcher.config.settings import load_settings
from watcher.config.subprocess_loader import load_settings_aside

TARGETS = 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    own = (", probes: {opa: {failures: 3}}" if number % 2 else "" for number in range(TARGETS))
    rows = (f"    - {{namespace: prod, agent: a, pod: p{number}{each}}}\n" for number, each in enumerate(own))
    path = tmp_path / "watcher.yaml"
    path.write_text("server: {port: 80}\ndiscovery:\n  static:\n" + "".join(rows))
    return path


def refused(path: Path, environ: dict[str, str], max_seconds: float = 60.0) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        asyncio.run(load_settings_aside(path, environ, max_seconds))
    return caught.value.mistakes


def test_what_a_child_read_is_what_we_would_have_read(file: Path) -> None:
    environ = {**os.environ, "AGENTWEAVE_WATCHER_SERVER__HOST": "127.0.0.2"}
    aside = asyncio.run(load_settings_aside(file, environ))
    assert aside == load_settings(file, environ)
    assert aside.server.host == "127.0.0.2"


def test_equal_limits_stay_one_object_across_all_pieces(file: Path) -> None:
    aside = asyncio.run(load_settings_aside(file, os.environ))
    assert len({id(limits) for target in aside.targets for limits in target.limits.values()}) == len(aside.probes) + 1
    assert aside.targets[-2].limits["opa"] is aside.probes["opa"]


def test_the_mistakes_are_those_that_we_would_have_told(file: Path) -> None:
    file.write_text("sever: {}\nserver: {port: x}\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert refused(file, dict(os.environ)) == caught.value.mistakes
    assert len(caught.value.mistakes) == 2


def test_a_child_that_dies_is_a_config_error(file: Path) -> None:
    # Every Python process imports sitecustomize, and the first one of the path wins.
    (file.parent / "sitecustomize.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert told_with(file) == (f"{file}: the process that reads the config ended early, exit code -9",)


def test_a_child_of_another_release_is_a_config_error(file: Path) -> None:
    # As after an upgrade of the package beneath a daemon that runs: its settings have parts that ours do not know.
    (file.parent / "sitecustomize.py").write_text(
        "import os, pickle, sys, types\n"
        "newer = sys.modules['newer'] = types.ModuleType('newer')\n"
        "newer.Section = type('Section', (), {'__module__': 'newer'})\n"
        "piece = pickle.dumps([]) + pickle.dumps(newer.Section())\n"
        "os.write(1, len(piece).to_bytes(4, 'big') + piece)\n"
        "os._exit(0)\n"
    )
    [told] = told_with(file)
    why = "(ModuleNotFoundError: No module named 'newer')"
    assert told == f"{file}: the settings cannot be taken over; if the watcher was upgraded on disk, restart it {why}"


def test_a_child_that_hangs_is_a_config_error_and_is_killed(file: Path) -> None:
    (file.parent / "sitecustomize.py").write_text(
        f"import time, os\nopen({str(file.parent / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    )
    began = time.monotonic()
    assert told_with(file, 1.0) == (f"{file}: reading the config takes longer than 1s",)
    assert time.monotonic() - began < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((file.parent / "pid").read_text()), 0)


def told_with(file: Path, max_seconds: float = 60.0) -> tuple[str, ...]:
    """The mistakes, where the folder of the config comes first on the child's path."""
    sys.path.insert(0, str(file.parent))
    try:
        return refused(file, dict(os.environ), max_seconds)
    finally:
        sys.path.remove(str(file.parent))


@pytest.mark.usefixtures("no_garbage")
def test_the_loop_goes_on_meanwhile(file: Path) -> None:
    async def main() -> float:
        async def beat() -> None:
            while True:
                began = time.thread_time()
                await asyncio.sleep(0.001)
                busy.append(time.thread_time() - began)

        busy: list[float] = []
        beating = asyncio.create_task(beat())
        await load_settings_aside(file, os.environ)
        beating.cancel()
        return max(busy)

    load_settings(file, {})  # a daemon has read its config once before it reads it again
    # CPU time of this thread: what other processes take of the cores is not ours to hold
    assert asyncio.run(main()) < 0.025
