"""Objects of an agent made for a test, and the finding that its judges come to."""

from collections.abc import Mapping, Sequence

import yaml

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import (
    AgentConfigFile,
    AgentObjects,
    EvidenceSet,
    KubeObject,
    Listing,
    Missing,
    PodTemplate,
    Seen,
)
from probes.controls.finding import Finding
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from tests.probes.controls.made import AGENT, CATALOGUE, NOW

SOME_ONLY = Missing(UnknownReason.SOURCE_MISSING, "Only these manifests were read.")
FORBIDDEN = Missing(UnknownReason.FORBIDDEN, "They may not be listed.")
Parts = Seen[Listing] | Missing


def listing(*bodies: str, lacks: Missing | None = None) -> Seen[Listing]:
    """Objects of YAML; complete unless something lacks."""
    return Seen(Listing(tuple(map(_object, bodies)), lacks), NOW, "objects")


def _object(text: str) -> KubeObject:
    body = yaml.safe_load(text)
    return KubeObject(body.get("kind", "Kind"), "prod", body.get("name", "one"), body, "deploy.yaml:9")


def finding(
    control: str,
    spec: str | Missing,
    *,
    workload: str | Missing = "kind: Deployment",
    listings: Mapping[str, Parts] | None = None,
    config: Seen[object] | Missing | None = None,
    readers: Sequence[str] = (),
    accounts: Sequence[str] = (),
    unsure: Sequence[str] = (),
    annotations: Mapping[str, str] | None = None,
    roles: Mapping[str, str] | None = None,
) -> Finding:
    """The finding of a pod template with this spec, of YAML; the agent's container is `agent`."""
    template = (
        spec
        if isinstance(spec, Missing)
        else PodTemplate({"annotations": annotations or {}}, yaml.safe_load(spec), "agent")
    )
    owner = workload if isinstance(workload, Missing) else _object(workload)
    objects = AgentObjects(
        owner if isinstance(owner, Missing) else Seen(owner, NOW, "deploy.yaml:1"),
        template if isinstance(template, Missing) else Seen(template, NOW, "deploy.yaml:5"),
        {"ConfigMap": listing(), "LimitRange": listing(), **(listings or {})},
    )
    read = Seen(AgentConfigFile({}, {}, "1.0.0", in_place=True), NOW, "config.yaml") if config is None else config
    sources = {SourceName.KUBERNETES_OBJECT: Seen(objects, NOW, "deploy.yaml:5"), SourceName.AGENT_CONFIG: read}
    facts = Facts(
        now=NOW,
        sdk=load_sdk_facts(),
        secret_readers=tuple(readers),
        agent_accounts=frozenset(accounts),
        unsure_accounts=frozenset(unsure),
        container_roles=roles or {},
    )
    found = judge_control(CATALOGUE.by_id[control], EvidenceSet(AGENT, sources), facts, load_judges())
    if found.reason and found.state == "unknown":
        assert found.reason in CATALOGUE.by_id[control].unknown_reasons, found
    return found


def said(made: Finding) -> tuple[str, str, str]:
    """State, reason and message."""
    return made.state, made.reason, made.message
