"""Why there is no answer, beside what httpx has a word for."""

import httpx

from probes.contract import Fault
from probes.sources.http.response import TooLargeError
from probes.sources.own_trouble import is_refusal


class TLSFailedError(httpx.TransportError):
    """There is no TLS connection with this server: its certificate, ours, or no version in common."""


class OtherIdentityError(TLSFailedError):
    """This server has not the SPIFFE ID of the target: it is not sent what only the target may know."""


class TooCostlyTLSError(TooLargeError):
    """The TLS of this server takes more CPU than a look may; the cause says how much that is."""


class UnresolvedError(httpx.TransportError):
    """The resolver says that the host's name does not exist or has no address."""


class OwnTroubleError(httpx.TransportError):
    """The watcher could not even ask; nothing is known of the other side."""


def fault_of(error: httpx.TransportError) -> Fault | None:
    """Which fault an error is; None where an answer came."""
    match error:
        case OwnTroubleError():
            return Fault.OURS
        case UnresolvedError():
            return Fault.UNRESOLVED
        case httpx.ConnectTimeout():
            return Fault.SILENT
        case httpx.TimeoutException():
            return Fault.STALLED
        case httpx.ConnectError():
            return Fault.REFUSED if is_refusal(error.__cause__) else Fault.SILENT
        case httpx.NetworkError():
            return Fault.RESET
    return None
