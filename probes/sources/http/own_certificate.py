"""The watcher's own certificate, for servers that want one of their clients."""

import os
import ssl

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from probes.contract import OwnIdentity
from probes.sources.http.faults import OwnTroubleError


def show_svid(context: ssl.SSLContext, identity: OwnIdentity | None) -> None:
    """Have it present the watcher's own certificate; OwnTroubleError where there is none."""
    present(context, svid_to_show(identity))


def svid_to_show(identity: OwnIdentity | None) -> bytes:
    """PEM of the watcher's own key and chain; OwnTroubleError where there is none."""
    if identity is None or not identity.chain or identity.key is None:
        raise OwnTroubleError("The watcher has no valid SVID to show.")
    key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + b"".join(each.public_bytes(Encoding.PEM) for each in identity.chain)


def present(context: ssl.SSLContext, svid: bytes) -> None:
    """Have it present this key and chain."""
    # ssl reads certificates from files only, and keys do not belong on disks.
    in_memory = os.memfd_create("svid", os.MFD_CLOEXEC)
    try:
        os.write(in_memory, svid)
        context.load_cert_chain(f"/proc/self/fd/{in_memory}")
    finally:
        os.close(in_memory)
