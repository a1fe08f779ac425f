"""What an mTLS port may serve, as the source would read it, and the circumstances of the look."""

from dataclasses import replace

from probes.contract import EvaluationContext, Target, TargetKey
from probes.readings.certificate import Leaf
from probes.readings.handshake import BundleState, Handshake, Spoke
from probes.readings.verify_error import VerifyError
from probes.svid import SvidLimits

NOW = 1_800_000_000.0
SEARCH = "spiffe://example.org/agent/search"
LEAF = Leaf(
    serial="3f2a",
    not_before=NOW - 600,
    not_after=NOW + 3000,
    uris=(SEARCH,),
    uri_count=1,
    usages=frozenset({"digital_signature"}),
    key="EC secp256r1",
)
SEEN = Handshake(
    spoke=Spoke.TLS,
    completed=True,
    leaf=LEAF,
    chain_length=1,
    trust_domain="example.org",
    bundle=BundleState.CONFIRMED,
    protocol="TLSv1.3",
)


def context(*, expected: tuple[str, ...] = (SEARCH,), **facts: object) -> EvaluationContext[SvidLimits]:
    target = Target(
        key=TargetKey("prod", "search", "search-0"),
        address="10.0.0.7:8443",
        spiffe_ids=expected,
        inferred=frozenset({"address"} if facts.pop("inferred", False) else ()),
    )
    known = {
        "now": NOW,
        "date": facts.get("now", NOW),
        "limits": SvidLimits(),
        "interval": 60.0,
        "endpoint": "address",
    } | facts
    return EvaluationContext(target=target, **known)  # type: ignore[arg-type]  # the facts are those of a Case


def leaf(**facts: object) -> Handshake:
    return replace(SEEN, leaf=replace(LEAF, **facts))  # type: ignore[arg-type]  # the facts are those of a Leaf


def errors(*found: tuple[int, int], **facts: object) -> Handshake:
    verify_errors = tuple(VerifyError(code, depth, 0.0) for code, depth in found)
    return replace(SEEN, verify_errors=verify_errors, **facts)  # type: ignore[arg-type]  # those of a Handshake
