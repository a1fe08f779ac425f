"""TLS that verifies nothing: as a kubelet speaks it, and to read what an agent says whose certificate has expired."""

import ssl
from functools import partial

from probes.contract import OwnIdentity
from probes.sources.http.key_exchange import FIRST, OTHERS, with_curve
from probes.sources.http.own_certificate import show_svid
from probes.sources.http.tls import TLS


class UnverifiedTLS:
    """Its contexts; to make one costs as much as ten looks. Nothing secret may be said over them."""

    def __init__(self) -> None:
        self._shown: OwnIdentity | None = None
        self._contexts: dict[tuple[bool, str], ssl.SSLContext] = {}  # by whether our SVID is shown, and by curve

    def as_kubelet(self) -> TLS:
        """Without a client certificate."""
        return self._tls(None)

    def with_svid(self, identity: OwnIdentity | None) -> TLS:
        """With the watcher's own certificate; OwnTroubleError where there is none."""
        if identity is not self._shown:
            self._contexts = {key: context for key, context in self._contexts.items() if not key[0]}
            self._shown = identity
        return self._tls(identity, svid=True)

    def _tls(self, identity: OwnIdentity | None, *, svid: bool = False) -> TLS:
        others = [partial(self._context, identity, curve, svid=svid) for curve in OTHERS]
        return TLS(self._context(identity, FIRST, svid=svid), others=others)

    def _context(self, identity: OwnIdentity | None, curve: str, *, svid: bool) -> ssl.SSLContext:
        if (svid, curve) not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if svid:
                show_svid(context, identity)
            self._contexts[svid, curve] = with_curve(context, curve)
        return self._contexts[svid, curve]
