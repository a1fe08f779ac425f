"""What the image leaves out of `kubernetes` is missed by nobody: its Dockerfile's own command, on a copy."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree

import pytest

from tests.repository import ROOT

TOKEN = "from-a-plugin"
_CREDENTIAL = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {"token": TOKEN},
}
_SAID = """
import sys
from pathlib import Path
import kubernetes
from watcher.kube.credentials import by_file, in_cluster
assert kubernetes.__file__.startswith(sys.argv[1]), kubernetes.__file__
place = Path(sys.argv[2])
server = {"KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": "6443"}
for found in (by_file(place / "kubeconfig"), in_cluster(place, server)):
    print(found.host, found.get_api_key_with_prefix("BearerToken", "authorization"))
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with the package as the image has it."""
    [command] = re.findall(
        r"^RUN (cd /app/\S+/kubernetes .*?[^\\])$", (ROOT / "Dockerfile").read_text(), re.DOTALL | re.MULTILINE
    )
    spec = find_spec("kubernetes")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    at = tmp_path / "app" / "lib" / "python3.11" / "site-packages"
    copytree(spec.submodule_search_locations[0], at / "kubernetes", copy_function=os.symlink)
    subprocess.run(["/bin/sh", "-c", command.replace("/app/", f"{tmp_path}/app/")], check=True)
    return at


def test_kubeconfigs_with_plugins_and_service_accounts_are_read_without_it(site: Path, tmp_path: Path) -> None:
    plugin = {
        "apiVersion": _CREDENTIAL["apiVersion"],
        "command": "/bin/echo",
        "args": [json.dumps(_CREDENTIAL)],
        "interactiveMode": "Never",
    }
    kubeconfig = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}],
        "users": [{"name": "u", "user": {"exec": plugin}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    (tmp_path / "token").write_text("of-the-pod")
    (tmp_path / "ca.crt").write_text("any")
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", _SAID, str(site), str(tmp_path)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        f"https://127.0.0.1:6443 Bearer {TOKEN}",
        "https://[::1]:6443 bearer of-the-pod",
    ]


def test_what_stays_is_a_hundredth(site: Path) -> None:
    files = [path for path in (site / "kubernetes").rglob("*.py") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_500_000, "bytes of source, of 42 million"
