"""TLS servers of five makes, each as strict or as careless as a test says."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from pathlib import Path

from tests.servers.nginx import run_nginx
from tests.servers.process import port_of, running
from tests.servers.tls_servers import ANSWER, plain_http, serve, standard_tls
from tests.servers.tools import tool
from tests.servers.uvicorn_tls import run_uvicorn


class Posture(Enum):
    """What is wrong with a server."""

    WELL = "TLS 1.3 alone, and a certificate of the right authority"
    OLDER = "TLS 1.2 too"
    OPEN = "no certificate is asked for"
    ANYBODY = "a certificate of any authority"
    PLAIN = "plaintext"


MAKES = ("Python", "nginx", "Go", "OpenSSL", "uvicorn")
CANNOT_BE = {("Python", Posture.ANYBODY), ("uvicorn", Posture.ANYBODY), ("OpenSSL", Posture.PLAIN)}


def run(make: str, posture: Posture, directory: Path) -> AbstractContextManager[str]:
    """The `host:port` of such a server; the directory has svid.pem, svid.key and bundle.pem."""
    if make == "OpenSSL":
        return run_openssl(directory, *_OPENSSL[posture])
    return {"Python": _python, "nginx": _nginx, "Go": _go, "uvicorn": _uvicorn}[make](posture, directory)


def _files(directory: Path) -> tuple[Path, Path, Path]:
    return directory / "svid.pem", directory / "svid.key", directory / "bundle.pem"


def _python(posture: Posture, directory: Path) -> AbstractContextManager[str]:
    if posture is Posture.PLAIN:
        return serve(plain_http(ANSWER))
    certificate, key, bundle = _files(directory)
    oldest = ssl.TLSVersion.TLSv1_2 if posture is Posture.OLDER else ssl.TLSVersion.TLSv1_3
    client_ca = None if posture is Posture.OPEN else bundle
    return serve(standard_tls(certificate, key, client_ca=client_ca, oldest=oldest))


def _nginx(posture: Posture, directory: Path) -> AbstractContextManager[str]:
    if posture is Posture.PLAIN:
        return run_nginx()
    certificate, key, bundle = _files(directory)
    return run_nginx(
        certificate=certificate,
        key=key,
        client_ca=None if posture is Posture.OPEN else bundle,
        protocols=("TLSv1.2", "TLSv1.3") if posture is Posture.OLDER else ("TLSv1.3",),
        verify="optional_no_ca" if posture is Posture.ANYBODY else "on",
    )


def _uvicorn(posture: Posture, directory: Path) -> AbstractContextManager[str]:
    if posture is Posture.PLAIN:
        return run_uvicorn(certificate=None, key=None)
    certificate, key, bundle = _files(directory)
    oldest = ssl.TLSVersion.TLSv1_2 if posture is Posture.OLDER else ssl.TLSVersion.TLSv1_3
    client_ca = None if posture is Posture.OPEN else bundle
    return run_uvicorn(certificate=certificate, key=key, client_ca=client_ca, oldest=oldest)


@contextmanager
def _go(posture: Posture, directory: Path) -> Iterator[str]:
    certificate, key, bundle = _files(directory)
    command: list[str | Path] = [tool("go-tls-server")]
    if posture is not Posture.PLAIN:
        clients = {Posture.OPEN: "none", Posture.ANYBODY: "any"}.get(posture, "verify")
        command += ["-cert", certificate, "-key", key, "-ca", bundle, "-clients", clients]
        command += ["-older"] if posture is Posture.OLDER else []
    with running(command, _listening) as address:
        yield address


def _listening(process: "subprocess.Popen[bytes]") -> str | None:
    port = port_of(process)
    return f"127.0.0.1:{port}" if port else None


_VERIFY = ("-Verify", "3", "-verify_return_error")
_OPENSSL: dict[Posture, tuple[str, ...]] = {
    Posture.WELL: ("-tls1_3", *_VERIFY),
    Posture.OLDER: _VERIFY,
    Posture.OPEN: ("-tls1_3",),
    Posture.ANYBODY: ("-tls1_3", "-Verify", "3"),  # which only tells what is wrong
}


@contextmanager
def run_openssl(directory: Path, *options: str) -> Iterator[str]:
    """OpenSSL's own server, which takes options that no other has."""
    certificate, key, bundle = _files(directory)
    served: list[str | Path] = ["-cert", certificate, "-key", key, "-CAfile", bundle, "-www"]
    with running(["openssl", "s_server", "-accept", "127.0.0.1:0", *served, *options], _listening) as address:
        yield address
