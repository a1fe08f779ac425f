"""The identity that the SPIFFE Workload API gives. The only module that knows spiffe and gRPC."""

import errno
import socket
import threading
from collections.abc import Callable

import grpc
from spiffe import WorkloadApiClient
from spiffe.errors import PySpiffeError
from spiffe.workloadapi.grpc import header_manipulator_client_interceptor
from spiffe.workloadapi.workload_api_client import (
    WORKLOAD_API_HEADER_KEY,
    WORKLOAD_API_HEADER_VALUE,
    StreamCancelHandler,
)
from spiffe.workloadapi.x509_context import X509Context

from probes.contract import OwnIdentity
from watcher.identity.material import anchored, assemble
from watcher.identity.source import IdentityError, IdentityTrouble

_REFUSALS = {
    errno.ENOENT: IdentityTrouble.SOCKET_MISSING,
    errno.ENOTDIR: IdentityTrouble.SOCKET_MISSING,
    errno.EACCES: IdentityTrouble.SOCKET_FORBIDDEN,
    errno.ECONNREFUSED: IdentityTrouble.NOBODY_LISTENS,
    errno.EAGAIN: IdentityTrouble.HUNG,  # the queue of connections is full: nobody accepts them
}

_CODES = {
    grpc.StatusCode.PERMISSION_DENIED: IdentityTrouble.NOT_REGISTERED,
    grpc.StatusCode.DEADLINE_EXCEEDED: IdentityTrouble.HUNG,
    grpc.StatusCode.UNAVAILABLE: IdentityTrouble.UNAVAILABLE,
}


class UnsharedClient(WorkloadApiClient):
    """A client whose connection waits for no other: gRPC shares its backoff across the process by default."""

    def _get_spiffe_grpc_channel(self) -> grpc.Channel:
        target = self._grpc_target(self._config.spiffe_endpoint_socket)
        channel = grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
        header = header_manipulator_client_interceptor.header_adder_interceptor(
            WORKLOAD_API_HEADER_KEY, WORKLOAD_API_HEADER_VALUE
        )
        return grpc.intercept_channel(channel, header)


class WorkloadAPI:
    """Asks by a call with a deadline; a stream beside it only says when to ask again, for it hides refusals."""

    def __init__(self, socket_path: str, trust_domain: str | None, patience: float) -> None:
        """Nothing is connected yet. `patience` is the deadline of each question in seconds."""
        self._socket_path, self._trust_domain, self._patience = socket_path, trust_domain, patience
        self._lock = threading.Lock()
        self._closed = False
        self._client: UnsharedClient | None = None
        self._stream: StreamCancelHandler | None = None
        self._stream_ended = threading.Event()

    def ask(self, ring: Callable[[], None]) -> OwnIdentity:
        """The default SVID, or the first of the wanted trust domain, with all bundles."""
        client = self._connected()
        try:
            context = client.fetch_x509_context(timeout=self._patience)
        except PySpiffeError as error:
            self._disconnect()
            raise self._reason(error) from error
        self._listen(client, ring)
        return self._pick(context)

    def close(self) -> None:
        """Cancel what runs and leave no channel behind."""
        self._closed = True
        self._disconnect()

    def _connected(self) -> UnsharedClient:
        if self._client is not None:
            return self._client
        self._knock()
        with self._lock:
            if self._closed:
                raise IdentityError(IdentityTrouble.NOT_ASKED_YET, "the watcher is closing")
            try:
                self._client = UnsharedClient(f"unix://{self._socket_path}")
            except PySpiffeError as error:
                raise IdentityError(IdentityTrouble.SOCKET_MISSING, str(error)) from error
            return self._client

    def _disconnect(self) -> None:
        # A new connection costs 4 ms; one that failed may refuse to try again for longer than the outage lasts.
        with self._lock:
            client, self._client = self._client, None
            stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
        if client is not None:
            client.close()

    def _listen(self, client: UnsharedClient, ring: Callable[[], None]) -> None:
        with self._lock:
            if self._client is not client or (self._stream is not None and not self._stream_ended.is_set()):
                return
            ended = self._stream_ended = threading.Event()

            def on_end(_error: Exception) -> None:
                ended.set()
                ring()

            self._stream = client.stream_x509_contexts(lambda _context: ring(), on_end, retry_connect=False)

    def _pick(self, context: X509Context) -> OwnIdentity:
        svids = {svid.spiffe_id.trust_domain.name: svid for svid in reversed(context.x509_svids)}
        wanted = self._trust_domain or context.default_svid.spiffe_id.trust_domain.name
        if wanted not in svids:
            raise IdentityError(
                IdentityTrouble.WRONG_TRUST_DOMAIN, f"got SVIDs of {', '.join(svids)}, none of {wanted}"
            )
        bundles = {each.trust_domain.name: each.x509_authorities for each in context.x509_bundle_set.bundles}
        identity = assemble(wanted, svids[wanted].cert_chain, svids[wanted].private_key, bundles)
        if not anchored(identity):
            # Judging agents by such a bundle would call the whole fleet untrusted.
            raise IdentityError(
                IdentityTrouble.NO_TRUST_BUNDLE, f"the bundle of {wanted} does not cover the SVID beside it"
            )
        return identity

    def _knock(self) -> None:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(self._patience)
            try:
                door.connect(self._socket_path)
            except OSError as error:
                trouble = _REFUSALS.get(error.errno or errno.EAGAIN, IdentityTrouble.API_ERROR)
                raise IdentityError(trouble, f"{self._socket_path}: {error.strerror or error}") from error

    def _reason(self, error: PySpiffeError) -> IdentityError:
        call = error.__cause__
        if not isinstance(call, grpc.Call):
            return IdentityError(IdentityTrouble.MALFORMED, str(error))
        code, details = call.code(), call.details() or ""
        if code is grpc.StatusCode.UNAVAILABLE:
            try:
                self._knock()
            except IdentityError as refusal:
                return refusal
        attestation = code is grpc.StatusCode.UNAVAILABLE and "attestation" in details
        trouble = IdentityTrouble.ATTESTATION_FAILED if attestation else _CODES.get(code, IdentityTrouble.API_ERROR)
        return IdentityError(trouble, f"{self._socket_path}: {details} ({code.name})")
