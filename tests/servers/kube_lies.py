"""An API server that does what a real one cannot be made to do: lies, hangs, cuts and refuses on demand."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit

PODS = "/api/v1/pods"
CUT = b"\0cut"


@dataclass
class LyingKubernetes:
    """Answers from these parts; a test changes them as it likes."""

    pods: dict[str, dict[str, Any]] = field(default_factory=dict)  # by uid
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)  # by path
    refused: dict[str, int] = field(default_factory=dict)  # path -> the status that it is refused with
    list_status: int = 200
    watch_status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    page_size: int = 1000
    delay: float = 0.0  # seconds before each page of a list
    gone_pages: int = 0  # so many pages after the first are 410
    version: int = 1
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    watches: list["Queue[bytes]"] = field(default_factory=list)
    write_status: int = 201
    write_refusal: str = "not now"
    written: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # method, path and content
    url: str = ""
    ahead: float = 0.0  # seconds by which its clock is

    def say(self, kind: str, raw: Mapping[str, Any]) -> None:
        """An event to every watch that is open."""
        self.say_raw(json.dumps({"type": kind, "object": raw}).encode() + b"\n")

    def say_raw(self, line: bytes) -> None:
        """These bytes, or CUT, to every watch that is open."""
        for engine in list(self.watches):
            engine.put(line)

    def put(self, pod: dict[str, Any]) -> None:
        """A pod is new or changed."""
        self.version += 1
        known = pod["metadata"]["uid"] in self.pods
        pod = {**pod, "metadata": {**pod["metadata"], "resourceVersion": str(self.version)}}
        self.pods[pod["metadata"]["uid"]] = pod
        self.say("MODIFIED" if known else "ADDED", pod)

    def delete(self, uid: str) -> None:
        """A pod is gone."""
        self.version += 1
        pod = self.pods.pop(uid)
        self.say("DELETED", {**pod, "metadata": {**pod["metadata"], "resourceVersion": str(self.version)}})

    def lists(self) -> int:
        """How many first pages were asked for."""
        return sum(path.endswith("/pods") and "watch" not in q and "continue" not in q for path, q in self.asked)

    def kubeconfig(self, directory: Path) -> Path:
        """A file that leads here."""
        name = {"cluster": "c", "user": "u"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "contexts": [{"name": "x", "context": name}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"tokenFile": str(directory / "token")}}],
        }
        (directory / "token").write_text("first\n")
        path = directory / "kubeconfig"
        path.write_text(json.dumps(config))
        return path


@contextmanager
def run_lying_kubernetes() -> Iterator[LyingKubernetes]:
    """One on a free port of loopback, plain HTTP."""
    lies = LyingKubernetes()

    class Handler(_Handler):
        kubernetes = lies

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    lies.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield lies
    finally:
        lies.say_raw(CUT)
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    kubernetes: LyingKubernetes
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.kubernetes.asked.append((url.path, query))
        self.kubernetes.tokens.append(self.headers.get("Authorization", ""))
        if refusal := self.kubernetes.refused.get(url.path):
            self._answer(refusal, {"kind": "Status", "message": "not this one"})
        elif not url.path.endswith("/pods"):
            found = self.kubernetes.objects.get(url.path)
            self._answer(200 if found else 404, found or {"kind": "Status", "message": "not found"})
        elif "watch" in query:
            self._watch()
        else:
            time.sleep(self.kubernetes.delay)
            self._list(int(query.get("continue", "0")))

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.kubernetes.tokens.append(self.headers.get("Authorization", ""))
        self.kubernetes.written.append((self.command, self.path, content))
        good = self.kubernetes.write_status in (200, 201)
        self._answer(self.kubernetes.write_status, content if good else {"message": self.kubernetes.write_refusal})

    def do_PATCH(self) -> None:
        self.do_POST()

    def _list(self, start: int) -> None:
        lies = self.kubernetes
        if start and lies.gone_pages:
            lies.gone_pages -= 1
            self._answer(410, {"message": "the token is too old"})
        elif lies.list_status != 200:
            self._answer(lies.list_status, {"message": "no list now"})
        else:
            end = start + lies.page_size
            pods = list(lies.pods.values())
            more = {"continue": str(end)} if end < len(pods) else {}
            self._answer(200, {"metadata": {"resourceVersion": str(lies.version), **more}, "items": pods[start:end]})

    def date_time_string(self, timestamp: float | None = None) -> str:
        now = time.time() if timestamp is None else timestamp
        return super().date_time_string(now + self.kubernetes.ahead)

    def _watch(self) -> None:
        if self.kubernetes.watch_status != 200:
            self._answer(self.kubernetes.watch_status, {"message": "no watch now"})
            return
        lines: Queue[bytes] = Queue()
        self.kubernetes.watches.append(lines)
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while (line := lines.get(timeout=60)) != CUT:
                self.wfile.write(line)
                self.wfile.flush()
        except (OSError, Empty):
            pass
        finally:
            self.kubernetes.watches.remove(lines)

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in self.kubernetes.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass
