"""What hostile TLS ports do to the CPU of those who read on: names to compare, keys to change, records of a byte."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.hostile.tls_attacks import Attack, Certificates, attacks
from tests.servers.key_updates import change_keys
from tests.servers.pki import constrained
from tests.servers.tls_servers import Talk, speak_tls, tls_context
from watcher.demo.authority import Authority

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n"


def changing_keys(certificate: Path, keys: Path, count: int) -> Talk:
    """Changes keys so many times once it was asked something; the key log goes to `keys`."""
    context = _serving(certificate)
    context.num_tickets = 0
    context.keylog_filename = str(keys)

    def then(secured: ssl.SSLSocket) -> None:
        change_keys(secured, keys, count)
        time.sleep(5)

    return _once_asked(context, then)


def a_byte_a_record(certificate: Path) -> Talk:
    """Begins a long answer, and sends it in records of a byte."""

    def then(secured: ssl.SSLSocket) -> None:
        secured.sendall(_HEAD)
        while True:
            secured.sendall(b"a")

    return _once_asked(_serving(certificate), then)


def _serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _once_asked(context: ssl.SSLContext, then: Callable[[ssl.SSLSocket], None]) -> Talk:
    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4000)
            then(secured)

    return talk


def all_attacks(home: Path, authority: Authority) -> Iterator[Attack]:
    """Those of tests/hostile/tls_attacks.py, and these."""
    yield from attacks(home, authority)
    plain = Certificates(home, authority).plain()
    yield Attack("3,000,000 names and constraints to compare", _constrained())
    yield Attack("2,400 changes of keys", changing_keys(plain, home / "keys", 2400))
    yield Attack("an answer in records of one byte", a_byte_a_record(plain))


def _constrained() -> Talk:
    return speak_tls(tls_context(constrained(3, 1000, time.time())))
