"""Configs of agents for tests of judges: a good one, changes to it, and SDK versions that read them or do not."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentConfigFile, EvidenceSet, Missing, Seen
from probes.controls.evidence.agent_config import KeyPath
from probes.controls.finding import Finding
from probes.controls.judging import Facts, Says, Statement, load_judges
from probes.controls.sdk.facts import SdkFacts
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from probes.controls.verdict.weighing import weigh
from tests.probes.controls.made import AGENT, CATALOGUE, NOW

GOOD: Mapping[str, object] = {
    "agent": {"name": "search", "trust_domain": "agents.acme-corp.net", "environment": "production"},
    "identity": {"provider": "spiffe"},
    "authorization": {"provider": "opa", "default_action": "deny", "audit": {"enabled": True}},
    "transport": {
        "tls_min_version": "1.3",
        "peer_verification": "strict",
        "circuit_breaker": {"failure_threshold": 5, "recovery_timeout_seconds": 30},
        "retry": {"max_attempts": 3, "backoff_base_seconds": 1.0, "backoff_max_seconds": 30.0},
    },
    "observability": {
        "metrics": {"enabled": True},
        "tracing": {"enabled": True, "endpoint": "https://tempo:4317"},
        "logging": {"level": "INFO"},
    },
}
SDK = load_sdk_facts()
_READING = replace(SDK.newest, version="2.0.0", config=tuple(replace(each, used=True) for each in SDK.newest.config))
READING = SdkFacts((_READING,))
"""An SDK that uses all keys."""

GONE = object()
"""Instead of a value: the key is taken away."""


def changed(changes: Mapping[str, object]) -> dict[str, object]:
    """The good config with these values at these paths."""
    document = deepcopy(dict(GOOD))
    for path, value in changes.items():
        found: dict[str, object] = document
        *above, last = path.split(".")
        for key in above:
            found = found.setdefault(key, {})  # type: ignore[assignment]
        if value is GONE:
            found.pop(last, None)
        else:
            found[last] = value
    return document


def file_of(document: Mapping[str, object], sdk: SdkFacts = SDK, *, in_place: bool | None = True) -> AgentConfigFile:
    """As read of a file where each key of the top stands on line 1, 2, ..."""
    lines: dict[KeyPath, int] = {(key,): number for number, key in enumerate(document, 1)}
    return AgentConfigFile(document, lines, sdk.newest.version, in_place)


def finding(
    control: str,
    changes: Mapping[str, object] | AgentConfigFile,
    *,
    sdk: SdkFacts = SDK,
    in_place: bool | None = True,
    trust_domains: tuple[str, ...] = (),
    **others: Seen[object] | Missing,
) -> Finding:
    """The verdict on this config; `others`: evidence of other sources."""
    file = changes if isinstance(changes, AgentConfigFile) else file_of(changed(changes), sdk, in_place=in_place)
    facts = Facts(now=NOW, sdk=sdk, trust_domains=trust_domains)
    return judge_control(CATALOGUE.by_id[control], _evidence(file, others), facts, load_judges())


def said(
    control: str, changes: Mapping[str, object], *, sdk: SdkFacts = SDK, trust_domains: tuple[str, ...] = ()
) -> list[tuple[Says, str]]:
    """What the judges of this control say of the config, as kinds and sentences."""
    return [(each.says, each.message) for each in statements(control, changes, sdk=sdk, trust_domains=trust_domains)]


def statements(
    control: str, changes: Mapping[str, object], *, sdk: SdkFacts = SDK, trust_domains: tuple[str, ...] = ()
) -> list[Statement]:
    """The same, whole."""
    facts = Facts(now=NOW, sdk=sdk, trust_domains=trust_domains)
    evidence = _evidence(file_of(changed(changes), sdk), {})
    scales = weigh(CATALOGUE.by_id[control], evidence, facts, load_judges().controls[control])
    assert scales.error == ""
    return [each for part in scales.of(SourceName.AGENT_CONFIG) for each in part.statements]


def _evidence(file: AgentConfigFile, others: Mapping[str, Seen[object] | Missing]) -> EvidenceSet:
    sources = {SourceName(name): found for name, found in others.items()}
    return EvidenceSet(AGENT, {SourceName.AGENT_CONFIG: Seen(file, NOW, "config.yaml"), **sources})
