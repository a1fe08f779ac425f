"""`make dist`: what is published is whole, and says what it is."""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from tests.packaging.dist import CHART, CONFIG, CONTENT, make
from tests.repository import ROOT
from tests.servers.tools import need, tool

_RUN = """
import sys, watcher
from watcher.cli import main
print(watcher.__path__[0])
sys.exit(main(sys.argv[1:]))
"""
ABOUT = yaml.load((CHART / "Chart.yaml").read_text(), Loader=yaml.CSafeLoader)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("wheels, a packed chart and oras")
    tool("oras")
    out = tmp_path_factory.mktemp("dist")
    make(out)
    return out


def blob(layout: Path, digest: str) -> bytes:
    content = layout.joinpath("blobs", *digest.split(":")).read_bytes()
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    return content


def manifest(layout: Path, tag: str) -> dict[str, Any]:
    index = json.loads((layout / "index.json").read_text())
    [found] = [each for each in index["manifests"] if each["annotations"]["org.opencontainers.image.ref.name"] == tag]
    content: dict[str, Any] = json.loads(blob(layout, found["digest"]))
    return content


def test_all_that_is_published_is_there_with_its_digest(dist: Path) -> None:
    version = ABOUT["version"]
    files = [
        f"agentweave-watcher-{version}.cdx.json",
        f"agentweave-watcher-{version}.tgz",
        f"agentweave-watcher-rules-{version}.tar.gz",
        f"agentweave_watcher-{version}-py3-none-any.whl",
        f"agentweave_watcher-{version}.tar.gz",
    ]
    lines = dict(line.split()[::-1] for line in (dist / "SHA256SUMS").read_text().splitlines())
    assert sorted(lines) == files
    assert {name: hashlib.sha256((dist / name).read_bytes()).hexdigest() for name in files} == lines
    assert sorted(path.name for path in dist.iterdir()) == sorted(
        ["SHA256SUMS", "agentweave-watcher-chart-oci", *files]
    )


def test_the_wheel_has_the_rules_and_the_chart_too(dist: Path) -> None:
    [wheel] = dist.glob("*.whl")
    assert {"watcher/alerting/alerts/rules/watcher.yaml"} <= set(ZipFile(wheel).namelist())
    with tarfile.open(dist / f"agentweave-watcher-{ABOUT['version']}.tgz") as chart:
        assert "agentweave-watcher/files/rules/watcher.yaml" in chart.getnames()


def test_the_wheel_and_the_sdist_run_where_nothing_else_of_ours_is(dist: Path, tmp_path: Path) -> None:
    [wheel], [sdist] = dist.glob("*.whl"), dist.glob("agentweave_watcher-*.tar.gz")
    with ZipFile(wheel) as packed:
        for name in packed.namelist():
            packed.extract(name, tmp_path / "wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "sdist", filter="data")
    [unpacked] = (tmp_path / "sdist").iterdir()
    assert {"README.md", "LICENSE", "CHANGELOG.md", "docs", "deploy"} <= {path.name for path in unpacked.iterdir()}
    for home in (tmp_path / "wheel", unpacked):
        told = subprocess.run(
            [sys.executable, "-P", "-c", _RUN, "explain", "OPAWrongAllow"],
            env={"PYTHONPATH": str(home), "PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.startswith(str(home))
        assert "\n# AgentWeaveOPAWrongAllow\n" in told.stdout


def test_prometheus_takes_the_rules_of_the_archive_and_all_dashboards_are_in_it(dist: Path, tmp_path: Path) -> None:
    with tarfile.open(dist / f"agentweave-watcher-rules-{ABOUT['version']}.tar.gz") as archive:
        assert {(member.uid, member.uname, member.mtime) for member in archive} == {(0, "", 0)}
        archive.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.iterdir()
    assert {path.name for path in unpacked.iterdir()} >= {"rules", "runbooks", "dashboards", "alertmanager"}
    rules = sorted((unpacked / "rules").glob("*.yaml"))
    subprocess.run([tool("promtool"), "check", "rules", *rules], check=True, capture_output=True)
    assert len(list((unpacked / "dashboards").glob("*.json"))) == len(list((ROOT / "alerts/dashboards").glob("*.json")))


def test_helm_renders_the_packed_chart(dist: Path) -> None:
    chart = dist / f"agentweave-watcher-{ABOUT['version']}.tgz"
    told = subprocess.run([tool("helm4"), "template", "w", chart], capture_output=True, text=True, check=True)
    assert "kind: Deployment" in told.stdout or "kind: StatefulSet" in told.stdout


def test_the_bill_of_materials_has_every_package_of_the_lock_with_its_digests(dist: Path) -> None:
    document = json.loads((dist / f"agentweave-watcher-{ABOUT['version']}.cdx.json").read_text())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE))
    parts = {each["name"]: each for each in document["components"]}
    assert {name: each["version"] for name, each in parts.items()} == locked
    digests = [part["hashes"][0]["content"] for each in parts.values() for part in each["externalReferences"]]
    assert sorted(digests) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))
    required = {name for name, each in parts.items() if each["scope"] == "required"}
    assert {"cryptography", "uvloop", "httpx", "grpcio", "starlette"} <= required
    assert not required & {"pytest", "mypy", "ruff", "hypothesis"}
    assert parts["cryptography"]["purl"] == f"pkg:pypi/cryptography@{locked['cryptography']}"
    assert set(document["dependencies"][0]["dependsOn"]) == {parts[name]["bom-ref"] for name in required}


def test_the_layout_is_the_packed_chart_as_a_registry_has_it(dist: Path) -> None:
    layout = dist / "agentweave-watcher-chart-oci"
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    told = manifest(layout, ABOUT["version"])
    assert told["config"]["mediaType"] == CONFIG
    assert json.loads(blob(layout, told["config"]["digest"])) == ABOUT
    [content] = told["layers"]
    assert content["mediaType"] == CONTENT
    assert blob(layout, content["digest"]) == (dist / f"agentweave-watcher-{ABOUT['version']}.tgz").read_bytes()


def test_the_chart_says_what_it_is() -> None:
    assert {"icon", "home", "maintainers", "kubeVersion", "keywords", "description"} <= ABOUT.keys()
    assert ABOUT["home"] not in ABOUT.get("sources", []), "it is AgentWeave's, and not where this chart is made"
    assert ABOUT["icon"].startswith("data:image/svg+xml;base64,"), "no page of ours asks anything of another host"
    told = {name.removeprefix("artifacthub.io/"): text for name, text in ABOUT["annotations"].items()}
    assert {"category", "license", "operator", "prerelease", "links", "images", "changes"} == told.keys()
    [image] = yaml.safe_load(told["images"])
    assert image["image"] == f"agentweave-watcher:{ABOUT['appVersion']}"
    assert all({"kind", "description"} <= change.keys() for change in yaml.safe_load(told["changes"]))
    assert told["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
