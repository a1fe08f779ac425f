"""A real Kubernetes API server with RBAC and its etcd on loopback; no controllers, no scheduler, no kubelet."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.servers.kube_api import KubeApi
from tests.servers.process import eventually, running
from tests.servers.tools import tool
from watcher.demo.authority import Authority

ADMIN = "admin-of-the-tests"
ISSUER = "https://kubernetes.default.svc.cluster.local"


class Kubernetes:
    """A running API server: `url`, its authority's file `ca`, `admin` who may do everything; `etcd` is a socket."""

    def __init__(self, home: Path, port: int, arguments: Sequence[str]) -> None:
        """Write what it needs into the directory; `start` starts it."""
        self._home, self._server, self._clients = home, ExitStack(), ExitStack()
        self.url = f"https://127.0.0.1:{port}"
        self.etcd = home / "etcd.sock"
        self.ca = _write_certificates(home)
        self.token = ADMIN
        self._trust = ssl.create_default_context(cafile=self.ca)
        self.admin = self.client(ADMIN)
        self._command: list[str | Path] = [tool("kube-apiserver"), *_arguments(home, port), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def client(self, token: str) -> KubeApi:
        """The API server as the holder of this token sees it, as long as the server is there."""
        api = KubeApi(self.url, self._trust, token)
        self._clients.callback(api.client.close)
        return api

    def start(self) -> None:
        """Serve, on the same port and with the same objects as before if it was stopped; returns when it is ready."""
        self._process = self._server.enter_context(running(self._command, self._ready))

    def stop(self) -> None:
        """Kill the API server; its clients are refused until `start`."""
        self._process = None
        self._server.close()

    def close(self) -> None:
        """Kill the API server and close its clients, for good."""
        self.stop()
        self._clients.close()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """The API server accepts and says nothing, as long as this lasts."""
        assert self._process is not None
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            eventually(lambda: _is_stopped(pid))  # on busy cores its threads go on for some milliseconds
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kubeconfig(self, token: str = ADMIN, url: str = "") -> Path:
        """A file for kubectl, Helm and clients that want one; `url`: that of a proxy on the way."""
        name = {"cluster": "tests", "user": "tests"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "tests", "cluster": {"server": url or self.url, "certificate-authority": str(self.ca)}}
            ],
            "users": [{"name": "tests", "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": name}],
            "current-context": "tests",
        }
        file = self._home / f"kubeconfig-{token[-16:]}{url.rpartition(':')[2]}.json"
        file.write_text(json.dumps(config))
        return file

    def _ready(self, process: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes] | None":
        try:
            return process if self.admin.client.get("/readyz").is_success else None
        except httpx.TransportError:
            return None


@contextmanager
def run_kubernetes(*arguments: str) -> Iterator[Kubernetes]:
    """An API server with a fresh etcd and these more arguments, ready to answer."""
    with TemporaryDirectory() as directory, _reserved_port() as port, ExitStack() as stop:
        home = Path(directory)
        stop.enter_context(running(_etcd(home), lambda _: (home / "etcd.sock").exists()))
        kubernetes = Kubernetes(home, port, arguments)
        stop.callback(kubernetes.close)
        kubernetes.start()
        yield kubernetes


def kubectl(kubernetes: Kubernetes, *arguments: str | Path, token: str = ADMIN) -> "subprocess.CompletedProcess[str]":
    """What kubectl says to the holder of this token, standard error with it."""
    command = [tool("kubectl"), f"--kubeconfig={kubernetes.kubeconfig(token)}", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)


@contextmanager
def _reserved_port() -> Iterator[int]:
    """A port of loopback that only servers with SO_REUSEPORT can have, so that it is still free after a restart."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def _is_stopped(pid: int) -> bool:
    threads = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(thread.rpartition(") ")[2].startswith("T") for thread in threads)


def _etcd(home: Path) -> list[str | Path]:
    peer, client = (f"unix://{home}/{name}.sock" for name in ("peer", "etcd"))
    return [
        *(tool("etcd"), "--name=tests", f"--data-dir={home}/etcd", "--unsafe-no-fsync", "--log-level=error"),
        *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}"),
        *(f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=tests={peer}"),
    ]


def _arguments(home: Path, port: int) -> list[str]:
    (home / "tokens.csv").write_text(f'{ADMIN},admin,admin,"system:masters"\n')
    return [
        *(f"--etcd-servers=unix://{home}/etcd.sock", f"--secure-port={port}", "--permit-port-sharing"),
        # Endpoints may not be loopback addresses; nobody looks this one up.
        *("--bind-address=127.0.0.1", "--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none"),
        *(f"--tls-cert-file={home}/svid.pem", f"--tls-private-key-file={home}/svid.key"),
        *(f"--service-account-key-file={home}/svid.pem", f"--service-account-signing-key-file={home}/svid.key"),
        *(f"--service-account-issuer={ISSUER}", f"--token-auth-file={home}/tokens.csv", "--authorization-mode=RBAC"),
        # Without controllers no namespace has the service account `default` that it asks of every pod.
        *("--disable-admission-plugins=ServiceAccount", "--service-cluster-ip-range=10.96.0.0/16"),
        *(f"--cert-dir={home}", "--profiling=false"),
    ]


def _write_certificates(home: Path) -> Path:
    now = time.time()
    authority = Authority("cluster.test", now)
    names = ["127.0.0.1", "localhost", "kubernetes.default.svc"]
    authority.issue("spiffe://cluster.test/api", not_before=now - 60, not_after=now + 86400, hosts=names).write(home)
    return authority.write_bundle(home)
