"""A mutual TLS server of SPIFFE's own Go library, on loopback."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import port_of, running
from tests.servers.tools import tool


@contextmanager
def run_go_peer(*, certificate: Path, key: Path, bundle: Path, trust_domain: str) -> Iterator[str]:
    """The `host:port` of a peer that answers GET /health to members of the trust domain, to nobody else."""
    files: list[str | Path] = ["-cert", certificate, "-key", key, "-bundle", bundle]
    with running([tool("go-spiffe-peer"), *files, "-trust-domain", trust_domain], _listening) as address:
        yield address


def _listening(process: "subprocess.Popen[bytes]") -> str | None:
    port = port_of(process)
    return f"127.0.0.1:{port}" if port else None
