"""How much of the served certificate's lifetime remains? Told from its dates alone."""

from probes.contract import ConditionKind, Severity, Verdict, say_duration
from probes.readings.certificate import Leaf

SVID_EXPIRED = ConditionKind(
    name="SVIDExpired",
    severity=Severity.CRITICAL,
    true_when="The served SVID has expired.",
    all_clear="The served SVID has not expired.",
    reasons=("CertificateExpired",),
)
SVID_EXPIRY_IMMINENT = ConditionKind(
    name="SVIDExpiryImminent",
    severity=Severity.CRITICAL,
    true_when="Little of the served SVID's lifetime remains, and it has not expired yet.",
    all_clear="Enough of the served SVID's lifetime remains.",
)
SVID_ROTATION_OVERDUE = ConditionKind(
    name="SVIDRotationOverdue",
    severity=Severity.CRITICAL,
    true_when="The served SVID should have been replaced some time ago, and has not expired yet.",
    all_clear="The served SVID is not due to be replaced.",
    reasons=("NotRotated",),
)
_PATIENCE = 300.0  # seconds: rides over one sync of a SPIRE agent that had backed off


def expired(leaf: Leaf, now: float) -> Verdict:
    """At `now`, Unix seconds. RFC 5280, section 4.1.2.5: notAfter itself still belongs to the lifetime."""
    if now <= leaf.not_after:
        return SVID_EXPIRED.false()
    return SVID_EXPIRED.true(
        lambda: f"The served SVID expired {say_duration(now - leaf.not_after)} ago (serial {leaf.serial}).",
        "CertificateExpired",
    )


def expiry_imminent(leaf: Leaf, now: float, ratio: float) -> Verdict:
    """`ratio` of the lifetime is what should remain at `now`, Unix seconds."""
    if not _is_between(leaf, _falls_below(leaf, ratio), now):
        return SVID_EXPIRY_IMMINENT.false()
    return SVID_EXPIRY_IMMINENT.true(lambda: f"The served SVID {_remaining(leaf, now)}.")


def rotation_overdue(leaf: Leaf, now: float, ratio: float) -> Verdict:
    """`ratio` of the lifetime is what should remain at `now` (Unix seconds), but for a tenth of it or five minutes."""
    patience = min(_PATIENCE, leaf.lifetime / 10)
    if not _is_between(leaf, _falls_below(leaf, ratio) + patience, now):
        return SVID_ROTATION_OVERDUE.false()
    return SVID_ROTATION_OVERDUE.true(
        lambda: f"The served SVID was not rotated in time: it {_remaining(leaf, now)}.", "NotRotated"
    )


def _falls_below(leaf: Leaf, ratio: float) -> float:
    """From when on less than this ratio of the lifetime remains."""
    return leaf.not_after - ratio * leaf.lifetime


def _is_between(leaf: Leaf, start: float, now: float) -> bool:
    """Whether that start has passed and the end has not; never for a lifetime of nothing."""
    return leaf.lifetime > 0 and start < now <= leaf.not_after


def _remaining(leaf: Leaf, now: float) -> str:
    left, share = leaf.not_after - now, (leaf.not_after - now) / leaf.lifetime
    return f"expires in {say_duration(left)}, with {share:.0%} of its lifetime left (serial {leaf.serial})"
