"""A SPIFFE Workload API for the watcher: the real protocol on a unix socket, with one SVID and the bundle."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from spiffe._proto import workload_pb2, workload_pb2_grpc

from watcher.demo.authority import Authority, Svid


class StagedWorkloadApi(workload_pb2_grpc.SpiffeWorkloadAPIServicer):
    """Answers from `start` to `stop`."""

    def __init__(self, path: Path, svid: Svid, authority: Authority) -> None:
        """`path`: of the socket."""
        key = svid.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        chain = b"".join(each.public_bytes(Encoding.DER) for each in svid.chain)
        bundle = authority.certificate.public_bytes(Encoding.DER)
        served = workload_pb2.X509SVID(x509_svid=chain, x509_svid_key=key, bundle=bundle)
        self._response = workload_pb2.X509SVIDResponse(svids=[served])
        self._stopped = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(max_workers=8, thread_name_prefix="stage"))
        workload_pb2_grpc.add_SpiffeWorkloadAPIServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]  # generated
        self._server.add_insecure_port(f"unix:{path}")

    def start(self) -> None:
        """Listen."""
        self._server.start()

    def stop(self) -> None:
        """End all streams."""
        self._stopped.set()
        self._server.stop(grace=0)

    def _fetch(
        self, _request: workload_pb2.X509SVIDRequest, context: grpc.ServicerContext
    ) -> Iterator[workload_pb2.X509SVIDResponse]:
        """The SVID at once; the stream stays open, for nothing about it changes."""
        yield self._response
        while context.is_active() and not self._stopped.wait(1.0):
            pass

    FetchX509SVID = _fetch  # its name in the protocol
