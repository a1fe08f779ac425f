"""How much of the served certificate's lifetime remains, and of those that stand behind it? Told from dates alone."""

from collections.abc import Iterator, Sequence

from probes.contract import ConditionKind, Severity, Verdict, say_duration
from probes.readings.certificate import Leaf
from probes.readings.issuer import Issuer, Lifetime

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
    true_when=(
        "Less than `expiry_imminent_ratio` of the lifetime remains: of the served SVID, or of an intermediate or "
        "authority that it depends on and that should have been replaced."
    ),
    all_clear="More than `expiry_imminent_ratio` of the served SVID's lifetime remains, and what it depends on is not "
    "about to expire.",
)
SVID_ROTATION_OVERDUE = ConditionKind(
    name="SVIDRotationOverdue",
    severity=Severity.CRITICAL,
    true_when="Less than `rotation_overdue_ratio` of the served SVID's lifetime remains, and it was not rotated.",
    all_clear="The served SVID is not due for rotation, or not yet overdue.",
    reasons=("NotRotated",),
)
_PATIENCE = 300.0  # seconds: rides over one sync of a SPIRE agent that had backed off
_TAKES_OVER = 1 / 6  # of an authority's lifetime: when SPIRE signs by the next one (pkg/server/ca/manager/slot.go)


def falls_below(lifetime: Lifetime, ratio: float) -> float:
    """The Unix seconds after which less than this part of a lifetime is left."""
    return lifetime.end - ratio * lifetime.seconds


def overdue_after(lifetime: Lifetime, ratio: float) -> float:
    """The Unix seconds after which an SVID of that lifetime should have been replaced for some time."""
    return falls_below(lifetime, ratio) + min(_PATIENCE, lifetime.seconds / 10)


def expired(leaf: Leaf, now: float) -> Verdict:
    """At `now`, Unix seconds. RFC 5280, section 4.1.2.5: notAfter itself still belongs to the lifetime."""
    if now <= leaf.not_after:
        return SVID_EXPIRED.false()
    return SVID_EXPIRED.true(
        lambda: f"The served SVID expired {say_duration(now - leaf.not_after)} ago (serial {leaf.serial}).",
        "CertificateExpired",
    )


def expiry_imminent(leaf: Leaf, issuers: Sequence[Issuer], now: float, ratio: float) -> Verdict:
    """`ratio` of each lifetime is what should remain at `now`, Unix seconds: of the leaf and of what is behind it."""
    leaf_ends, ending = _is_ending(_lifetime(leaf), now, ratio), tuple(_ending(issuers, leaf, now, ratio))
    if not leaf_ends and not ending:
        return SVID_EXPIRY_IMMINENT.false()
    sentences = [f"The served SVID {_remaining(leaf, now)}."] if leaf_ends else []
    return SVID_EXPIRY_IMMINENT.true(" ".join((*sentences, *(_named(each, leaf, now) for each in ending))))


def rotation_overdue(leaf: Leaf, now: float, ratio: float) -> Verdict:
    """`ratio` of the lifetime is what should remain at `now` (Unix seconds), but for a tenth of it or five minutes."""
    lifetime = _lifetime(leaf)
    if not (lifetime.seconds > 0 and overdue_after(lifetime, ratio) < now <= lifetime.end):
        return SVID_ROTATION_OVERDUE.false()
    return SVID_ROTATION_OVERDUE.true(
        lambda: f"The served SVID was not rotated in time: it {_remaining(leaf, now)}.", "NotRotated"
    )


def _ending(issuers: Sequence[Issuer], leaf: Leaf, now: float, ratio: float) -> Iterator[Issuer]:
    for each in issuers:
        if _is_ending(each.lifetime, now, ratio) and (
            _outlives(leaf, each) or not _is_replaced(each, leaf, now, ratio)
        ):
            yield each


def _outlives(leaf: Leaf, issuer: Issuer) -> bool:
    """Issuers cut the SVIDs that they sign to their own end, so one of the same end was cut."""
    return leaf.not_after >= issuer.lifetime.end


def _is_replaced(issuer: Issuer, leaf: Leaf, now: float, ratio: float) -> bool:
    """Whether another may sign already, in its time: SVIDs that an old one signed are still served, and well."""
    if issuer.authority:
        return issuer.longest is not None and issuer.longest.end > now and not _is_ending(issuer.longest, now, ratio)
    return issuer.lifetime.end - leaf.not_before >= _TAKES_OVER * issuer.lifetime.seconds


def _is_ending(lifetime: Lifetime, now: float, ratio: float) -> bool:
    """Whether less than the ratio remains, and the end has not passed; never of nothing."""
    return lifetime.seconds > 0 and falls_below(lifetime, ratio) < now <= lifetime.end


def _lifetime(leaf: Leaf) -> Lifetime:
    return Lifetime(leaf.not_before, leaf.not_after)


def _remaining(of: Leaf | Issuer, now: float) -> str:
    lifetime = _lifetime(of) if isinstance(of, Leaf) else of.lifetime
    left, share = say_duration(lifetime.end - now), lifetime.left(now)
    return f"expires in {left}, with {share:.0%} of its lifetime left (serial {of.serial})"


def _named(issuer: Issuer, leaf: Leaf, now: float) -> str:
    what = "authority behind the served SVID" if issuer.authority else "intermediate that is served with the SVID"
    return f"The {what} {_remaining(issuer, now)}{_consequence(issuer, leaf)}."


def _consequence(issuer: Issuer, leaf: Leaf) -> str:
    if leaf.not_after > issuer.lifetime.end:
        return ", before the SVID does"
    if leaf.not_after == issuer.lifetime.end:
        return ", and the SVID with it"
    return ", and the trust bundle has no fresh one" if issuer.authority else ""
