"""Who is let in? A client that must be refused is compared with the watcher, whose SVID is accepted."""

from probes.controls.catalogue.control import UnknownReason
from probes.controls.judges.tls_posture.case import Said, bad, good, unclear, untold, worst
from probes.controls.judges.tls_posture.versions import in_clear
from probes.controls.judging import Says
from probes.readings.tls_posture import Outcome, Refusal, TLSPosture, Tried

_REFUSING = (400, 401, 403, 495, 496)
"""HTTP statuses that refuse a client, where the watcher with its SVID gets another: nginx and the like."""


def known(posture: TLSPosture) -> Tried | None:
    """How the watcher with its SVID is answered; None where it is not."""
    if not posture.has_svid:
        return None
    tried = (each for each in (posture.own, posture.tls12) if each and each.completed)
    return next((each for each in tried if each.outcome is Outcome.ANSWERED), None)


def refused(posture: TLSPosture, tried: Tried | None, who: str, *, compare: bool) -> Said:
    """Whether a client is kept out; `who` begins a sentence.

    With `compare` no refusal counts where the watcher's own SVID is not accepted: such a server may refuse everybody.
    """
    own = known(posture)
    # Whoever is refused before the server can know whom it refuses is not refused for that.
    if tried is None or tried.outcome in (Outcome.UNANSWERED, Outcome.OURS) or not tried.shown:
        return untold(posture, tried, who)
    if tried.status is not None and (tried.refusal is Refusal.PAGE or tried.status in _REFUSING):
        return _by_status(posture, tried, own, who)
    if tried.outcome is Outcome.ANSWERED:
        return _answered(tried, own, who)
    if own is None and (compare or tried.refusal is not Refusal.CERTIFICATE):
        return _nothing_to_compare(posture, tried, who)
    return good(f"{who} is refused ({tried.how}).")


def _by_status(posture: TLSPosture, tried: Tried, own: Tried | None, who: str) -> Said:
    if own is None:
        return _nothing_to_compare(posture, tried, who)
    if own.status == tried.status:
        message = f"{who} and the watcher's SVID both get {tried.how}: who is refused there, and why, is not told."
        return unclear(UnknownReason.NO_DATA, message)
    return good(f"{who} is refused ({tried.how}), where the watcher's SVID gets {own.how}.")


def _answered(tried: Tried, own: Tried | None, who: str) -> Said:
    if tried.status is not None and 200 <= tried.status < 300:
        return bad(f"{who} is let in ({tried.how}).")
    if own is not None and own.status == tried.status:
        return bad(f"{who} gets the same answer as the watcher's SVID ({tried.how}).")
    return unclear(UnknownReason.NO_DATA, f"{who} gets {tried.how}, which is no refusal and may be no answer either.")


def _nothing_to_compare(posture: TLSPosture, tried: Tried, who: str) -> Said:
    if not posture.has_svid:
        message = f"{who} got: {tried.how}. The watcher has no SVID to compare that with."
        return unclear(UnknownReason.SOURCE_MISSING, message)
    message = f"{who} got: {tried.how}. The watcher's SVID is not accepted either, so nothing can be compared."
    return unclear(UnknownReason.NO_DATA, message)


def certificate_required(posture: TLSPosture) -> Said:
    """A client without a certificate is refused."""
    if posture.in_clear:
        return bad(in_clear(posture))
    return refused(posture, posture.without, "A client without a certificate", compare=False)


def certificates_verified(posture: TLSPosture) -> Said:
    """A certificate of a foreign authority and a forged SVID are refused."""
    if not posture.hostile:
        return unclear(UnknownReason.NOT_ENABLED, "checklist.hostile_handshakes is off.")
    if posture.in_clear:
        return unclear(UnknownReason.NO_DATA, in_clear(posture))
    if not posture.has_svid:
        return unclear(UnknownReason.SOURCE_MISSING, "The watcher has no SVID to compare hostile certificates with.")
    found = worst([_foreign(posture), refused(posture, posture.forged, "A forged SVID", compare=True)])
    if found.says is Says.GOOD and posture.foreign and posture.forged:
        how = f"({posture.foreign.how}; {posture.forged.how})"
        return good(f"A certificate of a foreign authority and a forged SVID are refused {how}.")
    return found


def strict_verification(posture: TLSPosture) -> Said:
    """A certificate of a foreign authority is refused: it can only be proven that it is not."""
    if not posture.hostile:
        return unclear(UnknownReason.SOURCE_MISSING, "checklist.hostile_handshakes is off.")
    if posture.in_clear:
        return unclear(UnknownReason.SOURCE_MISSING, in_clear(posture))
    said = _foreign(posture)
    unlisted = said.reason is not None and said.reason is not UnknownReason.UNREACHABLE
    return said._replace(reason=UnknownReason.SOURCE_MISSING) if unlisted else said


def _foreign(posture: TLSPosture) -> Said:
    return refused(posture, posture.foreign, "A certificate of a foreign authority", compare=True)
