"""A real OPA on loopback."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.servers.process import port_of, running, status_of
from tests.servers.tools import tool


@dataclass(frozen=True)
class OPAServer:
    """A running OPA; its process, so that a test can stop it in the middle of things."""

    url: str
    process: "subprocess.Popen[bytes]"

    def decide(self, path: str, question: object) -> Any:
        """The whole answer of the data API, which has no `result` where the rule is undefined."""
        return httpx.post(f"{self.url}/v1/data/{path}", json={"input": question}, trust_env=False).json()

    def bundle_status(self, name: str) -> Any:
        """What the status plugin says of one bundle; empty before it has said anything."""
        answer = httpx.get(f"{self.url}/v1/status", trust_env=False).json()
        return answer.get("result", {}).get("bundles", {}).get(name, {})


def fetch_bundle(url: str, name: str = "authz") -> dict[str, Any]:
    """OPA's configuration: poll this URL for a bundle about twice a second, and answer /v1/status."""
    base, _, resource = url.rpartition("/")
    polling = {"min_delay_seconds": 0, "max_delay_seconds": 1}
    return {
        "services": {"bundles": {"url": base}},
        "bundles": {name: {"service": "bundles", "resource": resource, "polling": polling}},
        "status": {"console": True},
    }


@contextmanager
def run_opa(
    policies: Mapping[str, str], *, config: Mapping[str, Any] | None = None, arguments: Sequence[str] = ()
) -> Iterator[OPAServer]:
    """OPA with these files (name to Rego, or `.json` data), this configuration and these more arguments."""
    with TemporaryDirectory() as directory:
        files = Path(directory) / "policies"
        files.mkdir()
        for name, text in policies.items():
            (files / name).write_text(text)
        settings = Path(directory) / "config.json"
        settings.write_text(json.dumps(config or {}))
        plain = ("run", "--server", "--addr=127.0.0.1:0", "--disable-telemetry", f"--config-file={settings}")
        with running([tool("opa"), *plain, *arguments, files], _answering) as server:
            yield server


def _answering(process: "subprocess.Popen[bytes]") -> OPAServer | None:
    port = port_of(process)
    return OPAServer(f"http://127.0.0.1:{port}", process) if port and status_of(port, "/health") else None
