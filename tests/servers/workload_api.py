"""A SPIFFE Workload API on a unix socket: the real protocol, by the stubs in `spiffe`, and a script of what it says."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from spiffe._proto import workload_pb2, workload_pb2_grpc

from watcher.demo.authority import Authority, Svid


@dataclass(frozen=True)
class Served:
    """One SVID with the bundle beside it, as bytes: a liar may put anything there."""

    chain: bytes
    key: bytes
    bundle: bytes

    @classmethod
    def of(cls, svid: Svid, *authorities: Authority) -> Self:
        """An SVID with these authorities as its bundle."""
        key = svid.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return cls(b"".join(each.public_bytes(Encoding.DER) for each in svid.chain), key, bundle_of(*authorities))


@dataclass(frozen=True)
class Script:
    """What every call hears until the next script."""

    svids: Sequence[Served] = ()
    federated: Mapping[str, bytes] = field(default_factory=dict)
    refuse: tuple[grpc.StatusCode, str] | None = None
    hang: bool = False
    hang_up: bool = False  # end each stream after its first message, without an error

    @property
    def response(self) -> workload_pb2.X509SVIDResponse:
        """The message of the protocol."""
        svids = [
            workload_pb2.X509SVID(x509_svid=each.chain, x509_svid_key=each.key, bundle=each.bundle)
            for each in self.svids
        ]
        return workload_pb2.X509SVIDResponse(svids=svids, federated_bundles=self.federated)


# The words are SPIRE's (pkg/agent/endpoints/workload/handler.go).
NOT_REGISTERED = Script(refuse=(grpc.StatusCode.PERMISSION_DENIED, "no identity issued"))
NOT_ATTESTED = Script(refuse=(grpc.StatusCode.UNAVAILABLE, "workload attestation failed"))
HANGING = Script(hang=True)


def bundle_of(*authorities: Authority) -> bytes:
    """A trust bundle as the protocol has it: certificates in DER, one after another."""
    return b"".join(each.certificate.public_bytes(Encoding.DER) for each in authorities)


class WorkloadApiServer(workload_pb2_grpc.SpiffeWorkloadAPIServicer):
    """Speaks on `path` from `start` to `stop`, which may be repeated; open streams hear a new script at once."""

    def __init__(self, path: Path, script: Script) -> None:
        """Not started yet."""
        self.path = path
        self.calls = 0
        self._script, self._turn = script, 0
        self._changed = threading.Condition()
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; a socket file left behind is replaced, as an agent does."""
        self.path.unlink(missing_ok=True)
        self._server = grpc.server(ThreadPoolExecutor(max_workers=16, thread_name_prefix="workload-api-server"))
        workload_pb2_grpc.add_SpiffeWorkloadAPIServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]  # generated
        self._server.add_insecure_port(f"unix:{self.path}")
        self._server.start()

    def stop(self) -> None:
        """Cut every stream and take the socket away."""
        server, self._server = self._server, None
        if server is not None:
            with self._changed:
                self._turn += 1
                self._changed.notify_all()
            server.stop(grace=0).wait(5)

    def say(self, script: Script) -> None:
        """Follow this script from now on."""
        with self._changed:
            self._script, self._turn = script, self._turn + 1
            self._changed.notify_all()

    def FetchX509SVID(  # noqa: N802  the name in the protocol
        self, _request: workload_pb2.X509SVIDRequest, context: grpc.ServicerContext
    ) -> Iterator[workload_pb2.X509SVIDResponse]:
        """The stream of the Workload API: the newest state, and each change of it."""
        self.calls += 1
        if ("workload.spiffe.io", "true") not in [(each.key, each.value) for each in context.invocation_metadata()]:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
        context.add_callback(self._wake)
        turn = -1
        while context.is_active() and self._server is not None:
            with self._changed:
                if self._turn == turn and context.is_active():
                    self._changed.wait(0.2)
                script, fresh, turn = self._script, self._turn != turn, self._turn
            if script.hang or not fresh or not context.is_active():
                continue
            if script.refuse is not None:
                context.abort(*script.refuse)
            yield script.response
            if script.hang_up:
                return

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
