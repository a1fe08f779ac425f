"""Where the programs are that the tests run: PATH, the pinned Go modules, Debian's packages, npm."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tools import build

LEFT_OUT = "left to `make test`: it needs "
"""Why a test is skipped in a run that goes without; the name follows."""

_without: list[bool] = []


def go_without() -> None:
    """From now on skip each test that comes to need something: nobody keeps a list of them."""
    _without.append(True)


def need(name: str) -> None:
    """For whatever is built, unpacked or installed, and for each server of our own that runs, before that is done."""
    if _without:
        pytest.skip(LEFT_OUT + name)


def tool(name: str, *, pinned: bool = False) -> Path:
    """A program of tests/tools: from PATH where it is new enough (never if `pinned`), else built, once."""
    need(name)
    return build.pinned(name) if pinned else build.find(name)


def debian_package(binary: str, package: str) -> Path:
    """A program from PATH, else unpacked (not installed) from this Debian package; the test skips if neither is had."""
    need(binary)
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    if found := shutil.which(binary, path=path):
        return Path(found)
    unpacked = _unpacked(package, f"{binary} is not on PATH, and ")
    for folder in ("usr/sbin", "usr/bin"):
        if (unpacked / folder / binary).exists():
            return unpacked / folder / binary
    pytest.skip(f"{binary} is not on PATH, and this Debian's {package} has none")


def debian_library(file: str, package: str) -> Path:
    """A shared library, unpacked (not installed) from this Debian package; the test skips if it cannot be had."""
    need(file)
    found = next(_unpacked(package).rglob(file), None)
    return found or pytest.skip(f"this Debian's {package} has no {file}")


def _unpacked(package: str, lacking: str = "") -> Path:
    """Where this Debian package is unpacked; the test skips with a sentence that begins so where it is not had."""
    if not shutil.which("apt-get"):
        pytest.skip(f"{lacking}there is no apt-get to fetch {package} with")
    try:
        return build.once(build.CACHE / f"debian-{package}", lambda out: _unpack(out, package))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{lacking}{package} cannot be had: {error.stderr.strip()}")


def debian_tree(name: str, *packages: str) -> Path:
    """These Debian packages in one tree, with all that they need and is not installed; the test skips without."""
    need(name)
    if not shutil.which("apt-get"):
        pytest.skip(f"there is no apt-get to fetch {name} with")
    try:
        return build.once(build.CACHE / f"debian-{name}", lambda out: _unpack(out, *packages, with_needs=True))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{name} cannot be had: {error.stderr.strip()}")


def npm_file(package: str, file: str) -> Path:
    """A file of an npm package, as the lock in its folder of tests/tools pins it; the test skips without npm."""
    need(package)
    if not shutil.which("npm"):
        pytest.skip(f"there is no npm to fetch {package} with")
    pins = build.HERE / package
    digest = hashlib.sha256((pins / "package-lock.json").read_bytes()).hexdigest()[:16]
    kept = build.once(build.CACHE / f"{package}-{digest}", lambda out: _install(pins, out))
    return kept / "node_modules" / package / file


def _install(pins: Path, out: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(pins / name, out)
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=out)


def _unpack(out: Path, *packages: str, with_needs: bool = False) -> None:
    if os.geteuid() == 0 and not list(Path("/var/lib/apt/lists").glob("*Packages*")):
        _run("apt-get", "update", cwd=out)
    wanted = packages
    if with_needs:
        plan = _run("apt-get", "install", "--simulate", "--no-install-recommends", *packages, cwd=out)
        wanted = tuple(line.split()[1] for line in plan.splitlines() if line.startswith("Inst "))
    _run("apt-get", "download", *wanted, cwd=out)
    for file in out.glob("*.deb"):
        _run("dpkg", "-x", file, out, cwd=out)
        file.unlink()


def _run(*command: str | Path, cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout
