"""The port's own certificate, and the authorities of its clients, from files."""

import ssl
from collections.abc import Mapping
from pathlib import Path

from watcher.config.sections import TLSSettings

_LARGEST = 1 << 20  # bytes of one file
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only, and no finite-field DH (RFC 9325, 4.2)."""

_CURVE = "prime256v1"
"""The only group: P-256 is what RFC 8446, section 9.1, asks of everybody. OpenSSL's own list has finite fields for
TLS 1.3 (RFC 7919), of which a stranger could choose one that costs 0.25 s a handshake."""


class ServerFileError(Exception):
    """A file that `server` names cannot be used; the text says which and why, and nothing of what is in it."""


def read_file(path: Path) -> bytes:
    """The contents; ServerFileError where they cannot be had or are too large to be meant."""
    try:
        with path.open("rb") as file:
            contents = file.read(_LARGEST + 1)
    except OSError as error:
        raise ServerFileError(f"{path}: {error.strerror}") from error
    if len(contents) > _LARGEST:
        raise ServerFileError(f"{path} is larger than {_LARGEST} bytes")
    return contents


def tls_files(tls: TLSSettings) -> Mapping[Path, bytes]:
    """What is in the files now; ServerFileError if one cannot be read."""
    paths = (tls.cert_file, tls.key_file, tls.client_ca_file)
    return {path: read_file(path) for path in paths if path is not None}


def server_context(tls: TLSSettings) -> ssl.SSLContext:
    """What new connections are served by; ServerFileError where the files do not make one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_ecdh_curve(_CURVE)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        # A password that is given is not asked for at the terminal; an encrypted key is then a bad one.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ValueError) as error:
        raise ServerFileError(
            f"{tls.cert_file} and {tls.key_file} are no PEM certificate and its key: {_why(error)}"
        ) from error
    if tls.client_ca_file is not None:
        _ask_for_certificates(context, tls.client_ca_file)
    return context


def _ask_for_certificates(context: ssl.SSLContext, authorities: Path) -> None:
    # Optional in the handshake, for the health pages are open; everything else is refused without one.
    context.verify_mode = ssl.CERT_OPTIONAL
    try:
        context.load_verify_locations(authorities)
    except (OSError, ValueError) as error:
        raise ServerFileError(f"{authorities} holds no readable PEM certificate: {_why(error)}") from error


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "not readable"
    return str(reason).replace("_", " ").lower()
