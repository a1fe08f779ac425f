"""Does the served chain verify to the bundle of the agent's own trust domain?"""

from collections.abc import Iterator
from dataclasses import replace

from probes.contract import ConditionKind, Severity, Unknown, Verdict, say_duration
from probes.contract.condition import Status
from probes.readings.certificate import Leaf, leaf_flaws
from probes.readings.handshake import BundleState, Handshake
from probes.readings.verify_error import UNKNOWN_AUTHORITY, VerifyCode, VerifyError

SVID_NOT_TRUSTED = ConditionKind(
    name="SVIDNotTrusted",
    severity=Severity.CRITICAL,
    true_when="The served chain does not verify against the trust bundle of the agent's own trust domain.",
    all_clear="The served chain verifies against the trust bundle of its trust domain.",
    reasons=("UnknownAuthority", "NotYetValid", "BadChain"),
)


def not_trusted(reading: Handshake, leaf: Leaf, now: float, clock_skew: float, clock_doubt: str = "") -> Verdict:
    """Trust by the bundle; an expired leaf alone is not this, and a young one is granted the clock skew.

    `now` in Unix seconds, `clock_skew` in seconds; with a `clock_doubt`, a sentence, no date is believed.

    A bundle that was not confirmed lately may lack an authority, or still have one that was taken back: neither a
    stranger nor a verified chain can then be told. A flaw of the chain itself can. What some peers stumble over is said
    with each of these.
    """
    found = _judged(reading, leaf, now, clock_skew, clock_doubt)
    if not reading.remarks:
        return found
    remarks = " ".join(reading.remarks)
    if found.status is Status.FALSE:
        return SVID_NOT_TRUSTED.false(remark=remarks)
    return replace(found, message=f"{found.text} {remarks}")


def _judged(reading: Handshake, leaf: Leaf, now: float, clock_skew: float, clock_doubt: str) -> Verdict:
    if reading.bundle is BundleState.MISSING:
        return SVID_NOT_TRUSTED.unknown(Unknown.NO_TRUST_BUNDLE)
    stranger = _stranger(reading, leaf)
    if stranger is not None:
        if reading.bundle is BundleState.UNCONFIRMED:
            return SVID_NOT_TRUSTED.unknown(Unknown.NO_TRUST_BUNDLE)
        return SVID_NOT_TRUSTED.true(
            f"The chain does not verify against the trust bundle of {reading.trust_domain}: {stranger}.",
            "UnknownAuthority",
        )
    flaws = tuple(_flaws(reading, leaf, dates=not clock_doubt))
    if flaws:
        return SVID_NOT_TRUSTED.true(f"The served chain is not one to trust: {'; '.join(flaws)}.", "BadChain")
    if clock_doubt:
        return SVID_NOT_TRUSTED.unknown(Unknown.WATCHER_IMPAIRED, clock_doubt)
    starts = max([leaf.not_before, *(each.not_before for each in reading.verify_errors)])
    if starts > now + clock_skew:
        return SVID_NOT_TRUSTED.true(
            lambda: f"The served chain is not valid for another {say_duration(starts - now)}.", "NotYetValid"
        )
    if reading.bundle is BundleState.UNCONFIRMED:
        return SVID_NOT_TRUSTED.unknown(Unknown.NO_TRUST_BUNDLE)
    return SVID_NOT_TRUSTED.false()


def _stranger(reading: Handshake, leaf: Leaf) -> VerifyError | None:
    """The error that means an unknown authority; not where OpenSSL could not, or would not, look for the authority."""
    codes = {each.code for each in reading.verify_errors}
    if VerifyCode.CHAIN_TOO_LONG in codes or not leaf.readable:
        return None
    return next((each for each in reading.verify_errors if each.code in UNKNOWN_AUTHORITY), None)


def _flaws(reading: Handshake, leaf: Leaf, *, dates: bool) -> Iterator[str]:
    yield from (str(each) for each in reading.verify_errors if not _is_of_time(each, dates=dates))
    yield from leaf_flaws(leaf)
    yield from reading.weak_intermediates


def _is_of_time(error: VerifyError, *, dates: bool) -> bool:
    """Whether another condition, or the clock skew, has the last word on it; or where `dates` say nothing, nobody."""
    if error.code == VerifyCode.EXPIRED:
        return error.depth == 0 or not dates
    return error.code == VerifyCode.NOT_YET_VALID
