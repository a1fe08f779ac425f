"""Makes what is published: wheel and sdist, the chart packed and as an OCI layout, rules and dashboards, SBOM, digests.

`python -m tests.packaging.dist DIRECTORY`; what was in the directory of an earlier version stays there.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from tests.packaging.bill import bill_of_materials
from tests.repository import ROOT
from tests.tools import build
from watcher.cli import main

CHART = ROOT / "helm" / "agentweave-watcher"
CONFIG, CONTENT = (
    "application/vnd.cncf.helm.config.v1+json",
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
)
"""Media types of a chart (helm.sh/docs/topics/registries)."""


def make(out: Path) -> None:
    """Fill the directory; CalledProcessError where a part cannot be made."""
    out.mkdir(parents=True, exist_ok=True)
    _run(sys.executable, "-m", "hatchling", "build", "--directory", out, cwd=ROOT)
    chart = pack_chart(out)
    write_layout(chart, out / "agentweave-watcher-chart-oci")
    pack_rules(out)
    bill = out / f"agentweave-watcher-{_about()['version']}.cdx.json"
    bill.write_text(bill_of_materials(ROOT / "requirements.lock", str(_about()["version"])))
    files = sorted(path for path in out.iterdir() if path.suffix in {".whl", ".gz", ".tgz", ".json"})
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines))


def pack_chart(out: Path) -> Path:
    """The chart as Helm packs it."""
    _run(build.find("helm4"), "package", CHART, "--destination", out)
    return out / f"agentweave-watcher-{_about()['version']}.tgz"


def pack_rules(out: Path) -> Path:
    """What `rules export` writes: rules, runbooks, dashboards and Alertmanager's config, in one archive."""
    name = f"agentweave-watcher-rules-{_about()['version']}"
    archive = out / f"{name}.tar.gz"
    with TemporaryDirectory() as home:
        if main(["rules", "export", str(Path(home) / name)]):
            raise ValueError("the rules cannot be exported")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(Path(home) / name, arcname=name, filter=_of_nobody)
    return archive


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Who made it, and when, is no part of what is published."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def write_layout(chart: Path, layout: Path) -> None:
    """The chart as an OCI image layout, which oras and skopeo copy to a registry and cosign signs there."""
    config = chart.with_suffix(".json")
    config.write_text(json.dumps(_about()))
    what = ("--config", f"{config.name}:{CONFIG}", f"{chart.name}:{CONTENT}")
    _run(build.find("oras"), "push", "--oci-layout", f"{layout}:{_about()['version']}", *what, cwd=chart.parent)
    config.unlink()


def _about() -> dict[str, object]:
    about: dict[str, object] = yaml.load((CHART / "Chart.yaml").read_text(), yaml.CSafeLoader)
    return about


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
