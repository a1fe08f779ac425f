"""TLS servers that stall, drip, break off or are none at all, and two that do what they should."""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509

from tests.servers.pki import Served
from watcher.demo.authority import Svid

Talk = Callable[[socket.socket], None]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
_RECORD_HEAD = 5


@contextmanager
def serve(talk: Talk) -> Iterator[str]:
    """The `host:port` of a server that has this talk with each connection, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as connections:
        threads: list[Thread] = []
        accepting = Thread(target=_accept, args=(listener, talk, connections, threads))
        accepting.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            connections.close()
            for thread in threads:
                thread.join()


def _accept(listener: socket.socket, talk: Talk, connections: ExitStack, threads: list[Thread]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # shut down at the end of the test
            return
        connections.callback(_cut, connection)
        thread = Thread(target=_have, args=(talk, connection))
        threads.append(thread)
        thread.start()


def _have(talk: Talk, connection: socket.socket) -> None:
    with connection, suppress(OSError, SSL.Error):
        talk(connection)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def hear(connection: socket.socket) -> None:
    """Take everything, say nothing."""
    while connection.recv(65536):
        pass


def leave(connection: socket.socket) -> None:
    """Say goodbye in an orderly way: FIN."""
    connection.shutdown(socket.SHUT_WR)


def reset(connection: socket.socket) -> None:
    """Break off: RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say(words: bytes, *, then: Talk = leave) -> Talk:
    """Say these bytes at once."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(words)
        then(connection)

    return talk


def when_spoken_to(then: Talk) -> Talk:
    """Wait for the first bytes of the other side."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        then(connection)

    return talk


def plain_http(answer: bytes, *, otherwise: Talk = hear) -> Talk:
    """A plaintext server that answers requests, and does something else with whatever is none."""

    def talk(connection: socket.socket) -> None:
        if connection.recv(65536).startswith(b"GET "):
            connection.sendall(answer)
        else:
            otherwise(connection)

    return talk


def drip(words: bytes, pause: float) -> Talk:
    """A byte, a pause, a byte."""

    def talk(connection: socket.socket) -> None:
        for byte in words:
            connection.sendall(bytes([byte]))
            time.sleep(pause)

    return talk


def tls_context(
    served: Served | Svid,
    *,
    client_ca: x509.Certificate | None = None,
    newest: int = SSL.TLS1_3_VERSION,
) -> SSL.Context:
    """A server's context that serves any chain, however odd; with `client_ca` it insists on a client certificate."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_max_proto_version(newest)
    context.use_certificate(served.chain[0])
    context.use_privatekey(served.key)  # type: ignore[arg-type]  # no test makes an ML-DSA key
    for intermediate in served.chain[1:]:
        context.add_extra_chain_cert(intermediate)
    store = context.get_cert_store()
    if client_ca is not None and store is not None:
        store.add_cert(X509.from_cryptography(client_ca))
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return context


def speak_tls(
    context: SSL.Context, answer: bytes = ANSWER, *, records: int | None = None, then: Talk = hear, alerts: bool = True
) -> Talk:
    """A handshake, a request, an answer; or something else after so many records of the server's.

    With `alerts` off it goes away without a word where it should send one, as asyncio's servers do.
    """

    def talk(connection: socket.socket) -> None:
        tls = SSL.Connection(context, None)
        tls.set_accept_state()
        sent = 0
        while data := connection.recv(65536):
            tls.bio_write(data)
            failed = not _advance(tls, answer)
            for record in _records(tls) if alerts or not failed else ():
                if sent == records:
                    then(connection)
                    return
                connection.sendall(record)
                sent += 1
            if failed:
                return

    return talk


def _advance(tls: SSL.Connection, answer: bytes) -> bool:
    """Go on as far as what has arrived allows; whether all is well."""
    try:
        tls.do_handshake()
        if tls.recv(65536):
            tls.sendall(answer)
    except SSL.WantReadError:
        return True
    except SSL.Error:
        return False
    return True


def _records(tls: SSL.Connection) -> Iterator[bytes]:
    try:
        flight = tls.bio_read(1 << 20)
    except SSL.WantReadError:
        return
    while flight:
        length = _RECORD_HEAD + int.from_bytes(flight[3:_RECORD_HEAD], "big")
        yield flight[:length]
        flight = flight[length:]


def standard_tls(
    certificate: Path,
    key: Path,
    *,
    client_ca: Path | None = None,
    only: ssl.TLSVersion | None = None,
    oldest: ssl.TLSVersion | None = None,
    ask: ssl.VerifyMode = ssl.CERT_REQUIRED,
) -> Talk:
    """The standard library's TLS server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if only is not None:
        context.minimum_version = context.maximum_version = only
    if oldest is not None:
        context.minimum_version = oldest
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ask

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            if tls.recv(65536):
                tls.sendall(ANSWER)

    return talk
