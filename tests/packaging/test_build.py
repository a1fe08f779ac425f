"""The builder of the tests' programs: one build at a time, whole or not at all, and none where PATH has a fit one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import build


def test_a_tool_is_made_by_one_of_several_processes_that_want_it(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib; from tests.tools import build\n"
        "def make(out): time.sleep(0.2); (out / 'tool').touch(); print('made')\n"
        "build.once(pathlib.Path(sys.argv[1]), make)"
    )
    start = [sys.executable, "-c", script, str(tmp_path / "tool-1")]
    workers = [subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "abc"]
    said = [worker.communicate()[0] for worker in workers]
    assert sorted(said) == [b"", b"", b"made\n"]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert (tmp_path / "tool-1" / "tool").exists()


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        build.once(tmp_path / "tool-1", _fail)
    assert [path.name for path in tmp_path.iterdir()] == ["tool-1.lock"]


def _fail(directory: Path) -> None:
    (directory / "half").touch()
    raise ZeroDivisionError


@pytest.mark.parametrize(("name", "said", "fits"), [("opa", "Version: 1.4.2", True), ("opa", "Version: 0.70.0", False)])
def test_a_program_on_path_is_taken_only_if_it_is_new_enough(
    tmp_path: Path, name: str, said: str, *, fits: bool
) -> None:
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    script = f"from tests.tools import build; print(build.on_path('{name}'))"
    told = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PATH": str(tmp_path)}, stdout=subprocess.PIPE, check=True
    )
    assert told.stdout.decode().strip() == (str(program) if fits else "None")
