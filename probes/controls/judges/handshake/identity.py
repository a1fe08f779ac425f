"""Whose certificate is served?"""

from collections.abc import Iterator

from probes.contract.spiffe_id import parse_spiffe_id
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, Seen
from probes.controls.judges.agent_config.placeholders import domain_of_an_example
from probes.controls.judges.handshake.case import NO_SVID, PLAINTEXT, PortCase, has_svid, is_plain, leaf_judge
from probes.controls.judges.looked import is_false, is_true, worst
from probes.controls.judging import Statement

_NOT_EXPECTED = "No SPIFFE ID is expected of this agent."


@leaf_judge("predeploy.smoke.svid-fetched")
def svid_fetched(case: PortCase) -> Iterator[Statement]:
    """Whether an SVID is served at all."""
    if is_plain(case):
        yield case.bad(PLAINTEXT)
    elif has_svid(case):
        yield case.good("A certificate with a SPIFFE ID is served.")
    else:
        yield case.bad(NO_SVID)


@leaf_judge("predeploy.spire.spiffe-id")
def spiffe_id(case: PortCase) -> Iterator[Statement]:
    """Whether it is the one that is expected."""
    wrong = worst(case.seen.verdicts, "SVIDWrongIdentity")
    if is_plain(case):
        yield case.bad(f"{PLAINTEXT} So it serves no SPIFFE ID.")
    elif wrong is None:
        yield case.unclear(UnknownReason.NO_DATA, "The identity of the served certificate was not judged.")
    elif is_true(wrong):
        yield case.bad(wrong.text)
    elif not is_false(wrong):
        yield case.doubt(wrong)
    elif not case.seen.expected:
        yield case.unclear(UnknownReason.NO_POLICY, case.seen.unlearnt or _NOT_EXPECTED)
    else:
        yield case.good("The expected SPIFFE ID is served.")


@leaf_judge("security.identity.registration-entries-created")
def registration_entries_created(case: PortCase) -> Iterator[Statement]:
    """Whether SPIRE gave the agent the ID that is expected; one without any may have no entry, or ask for none."""
    served, expected = case.seen.uris or (), case.seen.expected
    if is_plain(case) or not has_svid(case):
        yield case.unclear(UnknownReason.NO_DATA, PLAINTEXT if is_plain(case) else NO_SVID)
    elif not expected:
        yield case.unclear(UnknownReason.NO_POLICY, case.seen.unlearnt or _NOT_EXPECTED)
    elif len(served) == case.seen.uri_count == 1 and served[0] in expected:
        yield case.good("The expected SPIFFE ID is served.")
    else:
        yield case.bad(f"{_shown(served[0])} is served where {' or '.join(expected)} is expected.")


@leaf_judge("security.identity.spire-configured")
def spire_configured(case: PortCase) -> Iterator[Statement]:
    """Whether what is served is an SVID of the trust domain's SPIRE."""
    strange = worst(case.seen.verdicts, "SVIDNotTrusted")
    if is_plain(case):
        yield case.bad(PLAINTEXT)
    elif not has_svid(case):
        yield case.bad(NO_SVID)
    elif case.seen.uri_count != 1:
        yield case.unclear(UnknownReason.UNPARSEABLE, _several(case))
    elif strange is None:
        yield case.unclear(UnknownReason.NO_DATA, "The served chain was not judged.")
    elif is_true(strange) and strange.reason == "UnknownAuthority":
        yield case.bad(strange.text)
    elif is_true(strange):
        yield case.unclear(UnknownReason.UNPARSEABLE, strange.text)
    elif is_false(strange):
        yield case.good("An SVID that verifies to the trust bundle is served.")
    else:
        yield case.doubt(strange)


@leaf_judge("security.identity.trust-domain-validated")
def trust_domain_validated(case: PortCase) -> Iterator[Statement]:
    """Whether the served trust domain is one that is right here, and the one that the agent's config names."""
    parsed = parse_spiffe_id(next(iter(case.seen.uris or ()), ""))
    if parsed is None:
        yield case.unclear(UnknownReason.NO_DATA, PLAINTEXT if is_plain(case) else NO_SVID)
        return
    domain, allowed, configured = parsed.trust_domain, case.facts.trust_domains, _configured(case)
    if configured and configured != domain:
        yield case.bad(f"The served trust domain is {domain}, and agent.trust_domain is another one.")
    elif domain in allowed:
        yield case.good(f"The served trust domain {domain} is in checklist.trust_domains.")
    elif allowed:
        yield case.bad(f"The served trust domain {domain} is not in checklist.trust_domains.")
    elif example := domain_of_an_example(domain):
        yield case.bad(
            f"The served trust domain {domain} is {'' if domain == example else f'below {example}, '}"
            "the domain of an example."
        )
    else:
        said = f"No list of trust domains is given, so whether {domain} is right is not known."
        yield case.unclear(UnknownReason.NO_POLICY, said)


def _configured(case: PortCase) -> str:
    """What the agent's config names, where it is a text."""
    found = case.evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)
    value = found.value.get("agent.trust_domain") if isinstance(found, Seen) else None
    return value if isinstance(value, str) else ""


def _several(case: PortCase) -> str:
    return f"The served certificate has {case.seen.uri_count} URI SANs where one is allowed."


def _shown(uri: str) -> str:
    return ascii(uri[:100])[1:-1]
