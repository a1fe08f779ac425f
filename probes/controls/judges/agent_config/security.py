"""What the config declares of identity, authorization and transport: it can refute behaviour and never prove it."""

from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence.agent_config import NOT_SET
from probes.controls.judges.agent_config.case import ConfigCase, config_judge
from probes.controls.judges.agent_config.endpoints import endpoints_of
from probes.controls.judges.agent_config.placeholders import domain_of_an_example
from probes.controls.judges.agent_config.shown import shown
from probes.controls.judging import Statement

_TLS, _DOMAIN = "transport.tls_min_version", "agent.trust_domain"
_AUDIT = "authorization.audit.enabled"
_OLD_TLS = ("1.0", "1.1", "1.2")


@config_judge("security.identity.spire-configured")
def spire_configured(case: ConfigCase) -> Iterator[Statement]:
    """Whether the identity comes from SPIFFE and not from certificates on a disk."""
    yield from _word(case, "identity.provider", "spiffe", ("mtls-static",))


@config_judge("security.identity.trust-domain-validated")
def trust_domain_validated(case: ConfigCase) -> Iterator[Statement]:
    """Whether the configured trust domain is one that the operator lists; without a list, that of no example."""
    domain = case.value(_DOMAIN)
    listed = case.facts.trust_domains
    if domain is NOT_SET:
        return
    if not isinstance(domain, str):
        yield case.unclear(_DOMAIN, UnknownReason.UNPARSEABLE, f"{_DOMAIN} is {shown(domain)}, not a trust domain.")
    elif listed:
        if domain in listed:
            yield case.yes([_DOMAIN], f"{_DOMAIN} is in checklist.trust_domains.")
        else:
            yield case.bad(_DOMAIN, f"{_DOMAIN} is not in checklist.trust_domains.")
    elif example := domain_of_an_example(domain):
        below = "" if domain.lower() == example else "below "
        yield case.bad(_DOMAIN, f"{_DOMAIN} is {below}{example}, the domain of an example.")
    else:
        said = f"No list of trust domains is given, so whether {_DOMAIN} is right is not known."
        yield case.unclear(_DOMAIN, UnknownReason.NO_POLICY, said)


@config_judge("security.authz.default-deny")
def default_deny(case: ConfigCase) -> Iterator[Statement]:
    """Whether a policy is asked, and what it does not allow is denied."""
    yield from _word(case, "authorization.provider", "opa", ("allow-all",))
    yield from _word(case, "authorization.default_action", "deny", ("allow", "log-only"))


@config_judge("security.authz.audit-logging-enabled")
def audit_logging_enabled(case: ConfigCase) -> Iterator[Statement]:
    """Whether the agent records decisions; where it does not, OPA may, so that alone refutes nothing."""
    audited = case.flag(_AUDIT)
    if audited:
        yield case.yes([_AUDIT], f"{_AUDIT} is true.")
    elif audited is False:
        said = f"{_AUDIT} is false; whether OPA records its decisions is not known from the config."
        yield case.unclear(_AUDIT, UnknownReason.NO_DATA, said)


@config_judge("security.transport.tls13-enforced")
def tls13_enforced(case: ConfigCase) -> Iterator[Statement]:
    """Whether nothing below TLS 1.3 is taken."""
    value = case.declared(_TLS)
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 1.3:
        yield case.bad(_TLS, f"{_TLS} is {shown(value)}, below 1.3.")
    else:
        yield from _word(case, _TLS, "1.3", _OLD_TLS)


@config_judge("security.transport.peer-verification-strict")
def peer_verification_strict(case: ConfigCase) -> Iterator[Statement]:
    """Whether peers that cannot be verified are refused."""
    yield from _word(case, "transport.peer_verification", "strict", ("log-only", "none"))


@config_judge("security.transport.no-plaintext")
def no_plaintext(case: ConfigCase) -> Iterator[Statement]:
    """Whether OPA and the collector of traces are reached by TLS where they are not on the same host."""
    for path, url in endpoints_of(case):
        if urlsplit(url).scheme == "http":
            yield case.bad(path, f"{path} is http:// to a host that is not loopback.")


def _word(case: ConfigCase, path: str, good: str, bad: Collection[str]) -> Iterator[Statement]:
    """One setting out of a closed list; silent where nothing is declared."""
    value = case.declared(path)
    if value is NOT_SET:
        return
    if isinstance(value, str) and value == good:
        by_default = "" if case.given(path) else f" by default of SDK {case.sdk.version}"
        yield case.yes([path], f"{path} is {good}{by_default}.")
    elif isinstance(value, str) and value in bad:
        yield case.bad(path, f"{path} is {value}.")
    else:
        said = f"{path} is {shown(value)}, and what an agent makes of that is not known."
        yield case.unclear(path, UnknownReason.UNPARSEABLE, said)
