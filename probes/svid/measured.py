"""What a handshake measured for each condition that passes: the lifetime of the SVID, the chain, the identity."""

from collections.abc import Iterator

from probes.contract import say_duration
from probes.contract.picture import Measured, PictureContext
from probes.readings.handshake import Handshake
from probes.svid.expiry import SVID_EXPIRED, SVID_EXPIRY_IMMINENT, SVID_ROTATION_OVERDUE
from probes.svid.history import SvidHistory, SvidLimits
from probes.svid.identity import SVID_WRONG_IDENTITY, shown
from probes.svid.picture import on_the_axis, served_lifetime, when
from probes.svid.reachability import AGENT_UNREACHABLE, TLS_MISSING
from probes.svid.trust import SVID_NOT_TRUSTED

Context = PictureContext[SvidLimits]


def measured(_history: SvidHistory, context: Context) -> Iterator[Measured]:
    """Of the newest look; of a chain and its dates nothing while the watcher's own date is not believed."""
    reading = context.reading
    if context.stale or not isinstance(reading, Handshake):
        return
    if reading.completed and reading.asked:
        yield Measured(AGENT_UNREACHABLE, f"The handshake and one request took {say_duration(context.took)}.")
    if reading.protocol:
        yield Measured(TLS_MISSING, f"It speaks {reading.protocol} with {reading.cipher}.")
    if reading.leaf is not None and len(reading.leaf.uris) == 1:
        yield Measured(SVID_WRONG_IDENTITY, f"It is {shown(reading.leaf.uris[0])}.")
    if not context.clock_doubt:
        yield from _of_the_lifetime(context)
    if reading.chain_length and not context.clock_doubt:
        yield Measured(SVID_NOT_TRUSTED, _chain(reading, context))


def _of_the_lifetime(context: Context) -> Iterator[Measured]:
    served = served_lifetime(context)
    if served is None or served.seconds <= 0:
        return
    life, whole = on_the_axis(served, context), say_duration(served.seconds)
    if life.start > 0:
        yield Measured(SVID_EXPIRED, f"Its lifetime of {whole} begins in {say_duration(life.start)}.")
    elif life.end >= 0:
        left = say_duration(life.end)
        yield Measured(SVID_EXPIRED, f"It expires in {left}, after a lifetime of {whole}.")
        yield Measured(SVID_EXPIRY_IMMINENT, f"{left} of {whole} are left, {life.end / served.seconds:.0%}.")
    if life.end >= 0:
        yield Measured(SVID_ROTATION_OVERDUE, f"Rotation is due {when(life.due)}, overdue {when(life.overdue)}.")


def _chain(reading: Handshake, context: Context) -> str:
    count = reading.chain_length
    served = f"{count} certificate{'' if count == 1 else 's'} served"
    authority = next((each for each in reading.issuers if each.authority), None)
    if authority is None:
        return f"{served}; trust domain {reading.trust_domain}."
    left = say_duration(context.dated(authority.lifetime.end))
    return f"{served}; the authority of {reading.trust_domain} behind it is valid for another {left}."
