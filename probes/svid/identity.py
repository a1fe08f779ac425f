"""Is the served certificate the agent's own?"""

from collections.abc import Collection

from probes.contract import ConditionKind, Metric, Sample, Severity, Unknown, Verdict
from probes.contract.condition import Status
from probes.contract.spiffe_id import parse_spiffe_id
from probes.contract.text import cut
from probes.readings.certificate import Leaf

SVID_WRONG_IDENTITY = ConditionKind(
    name="SVIDWrongIdentity",
    severity=Severity.CRITICAL,
    true_when="The served certificate does not have exactly one SPIFFE ID, the expected one.",
    all_clear="The served certificate has the expected SPIFFE ID.",
    reasons=("NoURISAN", "SeveralURISANs", "NotSPIFFEID", "WrongTrustDomain", "UnexpectedID"),
)
SERVED = Metric(
    name="svid_served_info",
    help="The SPIFFE ID that is served, while it is not the expected one; a very long one is cut.",
    labels=("spiffe_id",),
    trouble=True,
)


def served_id(leaf: Leaf | None, identity: Verdict) -> tuple[Sample, ...]:
    """The one SPIFFE ID of the certificate, where that is why the identity is wrong.

    Whatever else stands in its place is no identity, and may be any text.
    """
    if (
        leaf is None
        or identity.status is not Status.TRUE
        or identity.reason not in ("WrongTrustDomain", "UnexpectedID")
    ):
        return ()
    return (Sample(SERVED, 1, (cut(leaf.uris[0]),)),)


def wrong_identity(leaf: Leaf, expected: Collection[str], own_trust_domain: str, unlearnt: str = "") -> Verdict:
    """Where no ID is expected, it must be one of our own trust domain, if there is one.

    `unlearnt`: why it is not known which is expected, a sentence; then a good form is no proof.
    """
    wrong = SVID_WRONG_IDENTITY.true
    if not leaf.uris:
        why = "" if leaf.readable else ": its extensions cannot be read"
        return wrong(f"The served certificate names no SPIFFE ID{why}.", "NoURISAN")
    if leaf.uri_count > 1:
        return wrong(f"The served certificate has {leaf.uri_count} URI SANs where one is allowed.", "SeveralURISANs")
    served = leaf.uris[0]
    spiffe_id = parse_spiffe_id(served)
    if spiffe_id is None or not spiffe_id.path:
        return wrong(
            f"The URI SAN of the served certificate is no SPIFFE ID of a workload: {shown(served)}.", "NotSPIFFEID"
        )
    if served in expected:
        return SVID_WRONG_IDENTITY.false()
    trust_domains = {parsed.trust_domain for parsed in map(parse_spiffe_id, expected) if parsed}
    if own_trust_domain and not trust_domains:
        trust_domains = {own_trust_domain}
    if trust_domains and spiffe_id.trust_domain not in trust_domains:
        return wrong(
            f"{shown(served)} is not of the trust domain {' or '.join(sorted(trust_domains))}.", "WrongTrustDomain"
        )
    if expected:
        return wrong(f"{shown(served)} is served where {' or '.join(expected)} is expected.", "UnexpectedID")
    if unlearnt:
        return SVID_WRONG_IDENTITY.unknown(Unknown.FACT_UNKNOWN, unlearnt)
    return SVID_WRONG_IDENTITY.false()


def shown(uri: str) -> str:
    """A URI SAN of a stranger's, of a length for a sentence and without what a terminal acts on."""
    return ascii(uri[:200])[1:-1]
