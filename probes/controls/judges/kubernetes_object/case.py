"""What a judge of Kubernetes objects is handed, and how it says what it saw."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import (
    AgentObjects,
    Container,
    EvidenceSet,
    Listing,
    LivePod,
    Missing,
    PodTemplate,
    Seen,
)
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.judges.secret_texts.rules import secret_rule
from probes.controls.judging import Facts, Judge, Says, Statement, judge

OBJECT, POD = SourceName.KUBERNETES_OBJECT, SourceName.KUBERNETES_POD
_LONGEST = 200
_NOTHING: Mapping[str, object] = {}

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_GOOD, _BAD, _UNCLEAR = Says.GOOD, Says.BAD, Says.UNCLEAR


def mapping(value: object) -> Mapping[str, object]:
    """The value where it is a mapping, else an empty one: Kubernetes would refuse it, and then nothing of it holds."""
    return value if isinstance(value, dict) else _NOTHING


def mappings(value: object) -> Sequence[Mapping[str, object]]:
    """The mappings of a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else ()


def texts(value: object) -> Sequence[str]:
    """The texts of a list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else ()


def all_containers(template: PodTemplate) -> Iterator[Container]:
    """Those of the template, and ephemeral ones, which run in a given pod but have neither probes nor resources."""
    yield from template.containers()
    for body in mappings(template.spec.get("ephemeralContainers")):
        if isinstance(name := body.get("name"), str):
            yield Container(name, "main", body, agent=False, read_from=template.read_from)


def short(name: object) -> str:
    """A name as a sentence can have it; one that looks like a secret is not told."""
    text = re.sub(r"[^\x20-\x7e]", "?", str(name)) if not secret_rule(str(name)) else "<secret>"
    return text if len(text) <= 60 else f"{text[:57]}..."


def good(message: str, ref: str = "") -> Statement:
    """A statement for the control."""
    return Statement(OBJECT, _GOOD, message[:_LONGEST], ref)


def bad(message: str, ref: str = "") -> Statement:
    """A statement against it."""
    return Statement(OBJECT, _BAD, message[:_LONGEST], ref)


def unclear(reason: UnknownReason, message: str, ref: str = "") -> Statement:
    """Why the objects do not tell."""
    return Statement(OBJECT, _UNCLEAR, message[:_LONGEST], ref, reason=reason)


def lacking(missing: Missing) -> Statement:
    """That a part of the objects was not seen."""
    return unclear(missing.reason, missing.message)


def objects_of(evidence: EvidenceSet) -> AgentObjects:
    """The agent's objects; a judge of them alone is asked only where they were seen."""
    found = evidence.of(OBJECT, AgentObjects)
    if isinstance(found, Missing):
        raise TypeError("expected the agent's objects")
    return found.value


@dataclass(frozen=True, slots=True)
class TemplateCase:
    """A pod template to be judged."""

    control: Control
    evidence: EvidenceSet
    facts: Facts
    objects: AgentObjects
    seen: Seen[PodTemplate]

    @property
    def template(self) -> PodTemplate:
        """The template."""
        return self.seen.value

    def listing(self, kind: str) -> Listing:
        """The objects of a kind that concern the agent; where they could not be read, an empty one that lacks all."""
        found = self.objects.listing(kind)
        return Listing((), found) if isinstance(found, Missing) else found.value


TemplateJudge = Callable[[TemplateCase], Iterable[Statement]]


def template_judge(*controls: str, pods: bool = False) -> Callable[[TemplateJudge], TemplateJudge]:
    """Register a judge of the pod template: where that was not seen, the control is unclear for the same reason.

    `pods`: also of the template of each live pod, which has the defaults of LimitRanges in it.
    """

    def register(function: TemplateJudge) -> TemplateJudge:
        judge(*controls, of=[OBJECT])(_of_objects(function))
        if pods:
            judge(*controls, of=[POD])(_of_pods(function))
        return function

    return register


def _of_objects(function: TemplateJudge) -> Judge:
    def asked(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
        objects = objects_of(evidence)
        for template in objects.templates:
            if isinstance(template, Missing):
                yield lacking(template)
                continue
            for each in function(TemplateCase(control, evidence, facts, objects, template)):
                yield each if each.ref else _at(each, template.ref)

    return asked


def _of_pods(function: TemplateJudge) -> Judge:
    def asked(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
        around = evidence.of(OBJECT, AgentObjects)
        config_maps = around if isinstance(around, Missing) else around.value.listing("ConfigMap")
        objects = AgentObjects(NOT_GIVEN, NOT_GIVEN, {"ConfigMap": config_maps})
        said: dict[int, Sequence[Statement]] = {}  # most pods have the same template
        for pod, found in evidence.of_pods(POD, LivePod):
            if isinstance(found, Missing):
                continue
            template = found.value.template
            if id(template) not in said:
                seen = Seen(template, found.observed_at, found.ref)
                said[id(template)] = tuple(function(TemplateCase(control, evidence, facts, objects, seen)))
            for each in said[id(template)]:
                yield Statement(POD, each.says, each.message, each.ref, pod=pod.name, reason=each.reason)

    return asked


def _at(said: Statement, ref: str) -> Statement:
    return Statement(said.source, said.says, said.message, ref, reason=said.reason)
