"""Live pods made for a test, and the finding that their judges come to."""

from collections.abc import Mapping, Sequence

import yaml

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentConfigFile, EvidenceSet, LivePod, Missing, Pod, PodTemplate, Seen
from probes.controls.evidence.live_pod import ContainerRun, Ended, PodRun, Start, Termination
from probes.controls.finding import Finding
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from tests.probes.controls.made import AGENT, CATALOGUE, NOW

HOUR = 3600.0
Sources = Mapping[SourceName, Seen[object] | Missing]


def container(name: str = "agent", **more: object) -> ContainerRun:
    """One that has run for an hour, without a restart."""
    given: dict[str, object] = {"image_id": "", "restarts": 0, "ready": True, "started": True}
    given["running_since"] = NOW - HOUR
    return ContainerRun(name=name, **(given | more))  # type: ignore[arg-type]


def ended(code: int = 0, *, after: float = 60.0, ago: float = 60.0, reason: str = "Completed") -> Ended:
    """A process that ran for `after` seconds and ended so many seconds ago."""
    return Ended(code, 0, reason, NOW - ago - after, NOW - ago)


def pod(
    spec: str = "{containers: [{name: agent}]}",
    *containers: ContainerRun,
    name: str = "search-0",
    ready_for: float | None = HOUR,
    age: float = HOUR,
    revision: str = "r1",
    revision_at: float = 1.0,
    starts: Sequence[Start] = (),
    first_ended: Ended | None = None,
    terminations: Sequence[Termination] = (),
    sources: Sources | None = None,
    opa: str = "",
    opa_on_loopback: bool = False,
    **more: object,
) -> Pod:
    """A pod of this template (YAML) that has been Ready for an hour; it has one container unless others are given."""
    since = None if ready_for is None else NOW - ready_for
    given: dict[str, object] = {"node": "node-1", "phase": "Running", "ends_since": None}
    given |= {"revision": revision, "created_at": NOW - age, "ready_since": since}
    run = PodRun(containers=containers or (container(),), **(given | more))  # type: ignore[arg-type]
    template = PodTemplate({}, yaml.safe_load(spec), "agent")
    live = LivePod(template, run, opa, opa_on_loopback, tuple(starts), first_ended, tuple(terminations))
    own = {SourceName.KUBERNETES_POD: Seen(live, NOW, f"pod/prod/{name}"), **(sources or {})}
    return Pod(name, revision, revision_at, run.ends_since is not None, since, NOW - age, own)


def finding(
    control: str, *pods: Pod, sources: Sources | None = None, roles: Mapping[str, str] | None = None, now: float = NOW
) -> Finding:
    """The finding of an agent with these pods; its config is empty unless given."""
    config = Seen(AgentConfigFile({}, {}, "1.0.0", in_place=True), NOW, "config.yaml")
    every = {SourceName.AGENT_CONFIG: config, **(sources or {})}
    evidence = EvidenceSet(AGENT, every, {each.name: each for each in pods})
    facts = Facts(now=now, sdk=load_sdk_facts(), container_roles=roles or {})
    found = judge_control(CATALOGUE.by_id[control], evidence, facts, load_judges())
    if found.reason and found.state == "unknown":
        assert found.reason in CATALOGUE.by_id[control].unknown_reasons, found
    return found
