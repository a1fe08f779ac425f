"""The real SPIRE, where it is installed: a server and an agent that attests workloads by their user."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.process import running

INSTALLED = bool(shutil.which("spire-server") and shutil.which("spire-agent"))
WORKLOAD = "spiffe://example.org/watcher"

_ENTRY = "watcher"

# The experimental intervals are 5 s by default, which is too long for a test.
_SERVER = """
server {{
    bind_address = "127.0.0.1"
    bind_port = "{port}"
    socket_path = "{home}/server.sock"
    trust_domain = "example.org"
    data_dir = "{home}"
    log_level = "WARN"
    experimental {{
        cache_reload_interval = "1s"
    }}
}}
plugins {{
    DataStore "sql" {{
        plugin_data {{
            database_type = "sqlite3"
            connection_string = "{home}/datastore.sqlite3"
        }}
    }}
    NodeAttestor "join_token" {{
        plugin_data {{
        }}
    }}
    KeyManager "memory" {{
        plugin_data {{
        }}
    }}
}}
"""

_AGENT = """
agent {{
    server_address = "127.0.0.1"
    server_port = "{port}"
    insecure_bootstrap = true
    socket_path = "{home}/agent.sock"
    trust_domain = "example.org"
    data_dir = "{home}"
    log_level = "WARN"
    experimental {{
        sync_interval = "1s"
    }}
}}
plugins {{
    NodeAttestor "join_token" {{
        plugin_data {{
        }}
    }}
    KeyManager "disk" {{
        plugin_data {{
            directory = "{home}"
        }}
    }}
    WorkloadAttestor "unix" {{
        plugin_data {{
        }}
    }}
}}
"""


class Spire:
    """A running server; `agent` runs its one agent, which remembers itself from one run to the next."""

    def __init__(self, home: Path) -> None:
        """The server of this directory must be running."""
        self._home = home
        self._token = self._server("token", "generate").split()[1]  # "Token: 8a1c..."
        self.workload_api = home / "agent" / "agent.sock"

    @contextlib.contextmanager
    def agent(self) -> Iterator[None]:
        """The agent, killed at the end."""
        command = ["spire-agent", "run", "-config", f"{self._home}/agent.conf", "-joinToken", self._token]
        health = ["spire-agent", "healthcheck", "-socketPath", f"{self.workload_api}"]
        with running(command, lambda _process: _succeeds(health)):
            yield

    def register(self, svid_ttl: int) -> None:
        """Let every process of this user be the workload, with SVIDs of so many seconds."""
        node = f"spiffe://example.org/spire/agent/join_token/{self._token}"
        entry = ["-entryID", _ENTRY, "-parentID", node, "-spiffeID", WORKLOAD]
        self._server("entry", "create", *entry, "-selector", f"unix:uid:{os.getuid()}", "-x509SVIDTTL", str(svid_ttl))

    def unregister(self) -> None:
        """Take that back."""
        self._server("entry", "delete", "-entryID", _ENTRY)

    def _server(self, *arguments: str) -> str:
        command = ["spire-server", *arguments[:2], "-socketPath", f"{self._home}/server/server.sock", *arguments[2:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, f"{command} said {done.stdout}{done.stderr}"
        return done.stdout


@contextlib.contextmanager
def run_spire() -> Iterator[Spire]:
    """A server without entries, in a directory of its own."""
    with TemporaryDirectory() as directory:
        home = Path(directory)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]  # SPIRE refuses port 0
        for name, config in (("server", _SERVER), ("agent", _AGENT)):
            (home / name).mkdir()
            (home / f"{name}.conf").write_text(config.format(home=home / name, port=port))
        health = ["spire-server", "healthcheck", "-socketPath", f"{home}/server/server.sock"]
        command = ["spire-server", "run", "-config", f"{home}/server.conf"]
        with running(command, lambda _process: _succeeds(health)):
            yield Spire(home)


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
