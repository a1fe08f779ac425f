"""The image, without an engine: its Dockerfile read, and its steps made in directories of their own."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.repository import ROOT
from tests.servers.tools import need

MAKE = ("make", "--no-print-directory", "--directory", str(ROOT), "image")


@dataclass(frozen=True)
class Step:
    """An instruction of a Dockerfile, and what it is told."""

    instruction: str
    words: str


def _steps() -> list[Step]:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [Step(*line.split(maxsplit=1)) for line in lines]


def _told(instruction: str) -> list[str]:
    return [step.words for step in _steps() if step.instruction == instruction]


def _copied() -> Iterator[tuple[list[str], str]]:
    """What each COPY takes from the source tree, and where to."""
    for words in _told("COPY"):
        if not words.startswith("--from="):
            *sources, target = words.split()
            yield sources, target


def test_what_is_copied_exists_and_reaches_the_engine() -> None:
    ignored, *admitted = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] != "#"]
    copied = {source for sources, _ in _copied() for source in sources}
    assert ignored == "*"
    assert sorted(line for line in admitted if line.startswith("!")) == sorted(f"!{source}" for source in copied)
    assert all((ROOT / source).exists() for source in copied)
    named = {word for words in _told("RUN") for word in shlex.split(words) if re.search(r"\.(lock|toml|txt)$", word)}
    assert named <= copied


def test_it_begins_with_plain_names_of_images_and_ends_as_nobody() -> None:
    assert [words.split()[0] for words in _told("FROM")] == ["python:3.11-slim"] * 2
    assert _told("USER") == ["65532:65532"]
    last_stage = _steps()[max(i for i, step in enumerate(_steps()) if step.instruction == "FROM") :]
    instructions = [step.instruction for step in last_stage]
    assert "RUN" not in instructions  # so it gains no compiler
    assert instructions.index("USER") < instructions.index("ENTRYPOINT")
    assert not re.search(r"\b[a-z0-9-]+\.(io|com|dev|org)(:\d+)?/", (ROOT / "Dockerfile").read_text())


def test_labels_say_what_it_is() -> None:
    [words] = _told("LABEL")
    labels = dict(label.split("=", maxsplit=1) for label in shlex.split(words))
    [package] = re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    prefix = "org.opencontainers.image."
    assert {label.removeprefix(prefix) for label in labels} == {
        *("title", "description", "licenses", "version", "revision")
    }
    assert labels[f"{prefix}version"] == "${VERSION}"
    assert f"VERSION={package}" in _told("ARG")


def _made(home: Path) -> Path:
    """The stage `build`, step by step, with the root of its file system at `home`; the environment that it leaves."""
    (home / "build").mkdir()
    subprocess.run([sys.executable, "-m", "venv", home / "python"], check=True)
    path = os.pathsep.join([str(home / "python" / "bin"), os.environ["PATH"]])
    environment = {"PATH": path, "HOME": os.environ["HOME"], "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for step in _steps():
        if step.instruction == "COPY" and not step.words.startswith("--from="):
            *sources, target = step.words.split()
            for source in sources:
                _copy(ROOT / source, home / "build" / target)
        elif step.instruction == "RUN":
            command = re.sub(r"(?<=\s)/(?=wheels|app)", f"{home}/", step.words)
            shell = ["/bin/sh", "-c", command]  # as an engine does
            told = subprocess.run(
                shell, cwd=home / "build", env=environment, capture_output=True, text=True, check=False
            )
            assert told.returncode == 0, f"{command}: {told.stderr}"
    return home / "app"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        leave = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(source, target, symlinks=True, ignore=leave)
    else:
        shutil.copy(source, target)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("wheels of an image")
    home = tmp_path_factory.mktemp("image")
    made = _made(home)
    shutil.rmtree(home / "build")
    shutil.rmtree(home / "wheels")
    return made


def _call(app: Path, *arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [app / "bin" / "agentweave-watcher", *arguments],
        env={"PATH": f"{app}/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=at,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_demo_runs_where_only_the_image_s_files_are(app: Path, tmp_path: Path) -> None:
    before = sorted(app.rglob("*"))
    told = _call(app, "demo", "--seconds", "5", "--port", "0", at=tmp_path)
    assert (told.returncode, "Traceback" in told.stderr) == (0, False), told.stderr
    assert "The web page is at http://127.0.0.1:" in told.stdout
    assert sorted(app.rglob("*")) == before  # nothing is written there: its root may be read-only


def test_the_image_holds_the_watcher_and_what_it_needs_and_no_tools(app: Path) -> None:
    [site] = app.glob("lib/python3.*/site-packages")
    held = {path.name.partition("-")[0] for path in site.glob("*.dist-info")}
    assert {"agentweave_watcher", "uvloop", "isal", "cryptography", "grpcio"} <= held
    assert not held & {"pytest", "mypy", "ruff", "hatchling", "pip", "setuptools", "editables"}
    assert not [path for path in site.rglob("*.pth") if str(ROOT) in path.read_text()]


def test_the_first_words_of_the_container_are_the_daemons(app: Path, tmp_path: Path) -> None:
    [entry], [command] = _told("ENTRYPOINT"), _told("CMD")
    assert entry == '["agentweave-watcher"]'
    assert command == '["run", "--config", "/etc/agentweave-watcher/config.yaml"]'
    told = _call(app, "run", "--config", "/etc/agentweave-watcher/config.yaml", at=tmp_path)
    assert told.returncode == 2
    assert "/etc/agentweave-watcher/config.yaml" in told.stderr


def _engines(directory: Path, *names: str) -> dict[str, str]:
    """A PATH with make's own programs, and these engines, which print what they are told."""
    directory.mkdir()
    for program in ("sh", "sed", "git", "cksum", "cut", "cat", "pwd"):
        if found := shutil.which(program):
            (directory / program).symlink_to(found)
    # Not the python3 of PATH: pyenv's is a script that needs programs which are not here.
    (directory / "python3").symlink_to(sys.executable)
    for name in names:
        (directory / name).write_text('#!/bin/sh\necho "${0##*/} $*"\n')
        (directory / name).chmod(0o755)
    return {"PATH": str(directory)}


@pytest.mark.parametrize(("engines", "used"), [(("docker", "podman"), "docker"), (("podman",), "podman")])
def test_make_image_takes_the_engine_that_is_there(tmp_path: Path, engines: tuple[str, ...], used: str) -> None:
    environment = _engines(tmp_path / "bin", *engines)
    told = subprocess.run(
        [shutil.which("make") or "make", *MAKE[1:]], env=environment, capture_output=True, text=True, check=True
    )
    assert fnmatch(told.stdout.strip(), f"{used} build --build-arg VERSION=* --tag agentweave-watcher:* .")


def test_make_image_without_an_engine_is_one_clear_line(tmp_path: Path) -> None:
    make = shutil.which("make") or "make"
    told = subprocess.run(
        [make, *MAKE[1:]], env=_engines(tmp_path / "bin"), capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert told.stderr.splitlines()[0] == "neither docker nor podman is on PATH"
