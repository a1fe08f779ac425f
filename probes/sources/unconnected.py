"""Why there is no connection, in words that follow the name of the port."""

from probes.contract import Fault
from probes.sources.names import NameNotResolvedError, ResolverError
from probes.sources.own_trouble import OWN_TROUBLE, is_refusal


def unconnected(error: OSError) -> tuple[Fault, str]:
    """The fault and the words; a trouble of our own is no fault of the network."""
    match error:
        case NameNotResolvedError():
            return Fault.UNRESOLVED, f"was not asked: {error}"
        case ResolverError():
            return Fault.OURS, f"was not asked: {error}"
        case _ if is_refusal(error):
            return Fault.REFUSED, "refused the connection"
        case ConnectionResetError():
            return Fault.RESET, "cut the connection"
        case TimeoutError():
            return Fault.SILENT, "did not answer the attempt to connect"
        case OSError() if error.errno in OWN_TROUBLE:
            return Fault.OURS, f"was not asked: the watcher cannot connect ({error.strerror})"
    return Fault.SILENT, f"cannot be reached: {error.strerror or error}"
