"""Which SPIFFE IDs may a pod have by the ClusterSPIFFEID objects of SPIRE's controller manager?

As its v0.6 does it. What is not understood is said and never guessed: an incomplete set would blame a healthy agent.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.config.kubernetes import ClusterSpiffeIdSettings
from watcher.discovery.identities.go_template import (
    ANNOTATIONS,
    LABELS,
    Template,
    TemplateError,
    annotations_of,
    parse_template,
    render,
)
from watcher.discovery.pod.pod import Pod
from watcher.kube.selectors import Selector, SelectorError, read_selector, selects
from watcher.text.addresses import spiffe_id
from watcher.text.key_path import plain_name

NAMESPACE_NAME = "kubernetes.io/metadata.name"
MOST_IDS, MOST_PROBLEMS = 20, 5
_WITHOUT_EFFECT = frozenset({"ttl", "jwtTtl", "dnsNameTemplates", "federatesWith", "admin", "downstream", "hint",
                             "autoPopulateDNSNames"})  # fmt: skip
_READ = frozenset({"spiffeIDTemplate", "podSelector", "namespaceSelector", "className", "fallback",
                   "workloadSelectorTemplates"})  # fmt: skip

MAX_SPEC = 64 * 2**10

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpiffeId:
    """One object. None: it is not understood, and `problem` says why."""

    uid: str
    name: str
    template: Template | None
    pods: Selector | None
    namespaces: Selector | None
    class_name: str
    fallback: bool
    narrowed: bool  # only some containers of a pod get the ID
    problem: str
    words: str = ""  # of its workloadSelectorTemplates


@dataclass(frozen=True, slots=True)
class Declared:
    """What the objects say of one pod. With problems there are no IDs: the set would not be whole."""

    ids: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def reduced(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What of an object is read, at most 64 KiB."""
    spec = raw.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    kept = {key: value if key in _READ else None for key, value in spec.items() if key not in _WITHOUT_EFFECT}
    if len(json.dumps(kept)) > MAX_SPEC:
        kept = {"a part that makes it over 64 KiB": None}
    return {"metadata": {key: str(raw["metadata"][key]) for key in ("uid", "name")}, "spec": kept}


def read_cluster_spiffe_id(raw: Mapping[str, Any]) -> ClusterSpiffeId:
    """An object, reduced; whatever is odd in its spec is a problem and never an error."""
    meta, spec = raw["metadata"], raw["spec"]
    problems: list[str] = []
    selectors = [_selector(spec, name, problems) for name in ("podSelector", "namespaceSelector")]
    template = _template(spec.get("spiffeIDTemplate"), problems)
    if unknown := sorted(map(str, spec.keys() - _READ - _WITHOUT_EFFECT)):
        problems.append(f"spec.{plain_name(unknown[0])} is not understood")
    if not isinstance(spec.get("fallback", False), bool) or not isinstance(spec.get("className", ""), str):
        problems.append("expected true or false as fallback, and text as className")
    return ClusterSpiffeId(
        uid=str(meta["uid"]),
        name=str(meta["name"]),
        template=template,
        pods=selectors[0],
        namespaces=selectors[1],
        class_name=str(spec.get("className", "")),
        fallback=spec.get("fallback") is True,
        narrowed=bool(spec.get("workloadSelectorTemplates")),
        problem=f"ClusterSPIFFEID {meta['name']}: {'; '.join(problems)}" if problems else "",
        words=_words(spec.get("workloadSelectorTemplates")),
    )


def _words(templates: object) -> str:
    return " ".join(map(str, templates)) if isinstance(templates, list) else str(templates or "")


def needs_namespace_labels(objects: Iterable[ClusterSpiffeId]) -> bool:
    """Whether some selector asks for more than a namespace's name."""
    return any(requirement.key != NAMESPACE_NAME for each in objects for requirement in each.namespaces or ())


def named_annotations(objects: Iterable[ClusterSpiffeId]) -> frozenset[str]:
    """All annotations of pods that templates name."""
    return frozenset[str]().union(*(annotations_of(each.template) for each in objects if each.template))


def declare(
    objects: Collection[ClusterSpiffeId], pod: Pod, namespace: Labels | str, settings: ClusterSpiffeIdSettings
) -> Declared:
    """What these objects say of a pod; `namespace`: the labels of its namespace, or why they are not known."""
    if pod.described is None or pod.described.excess:
        return Declared(problems=("its labels are not known in full: ClusterSPIFFEID objects are not applied",))
    try:
        about = about_pod(objects, pod, namespace, settings.class_name)
    except TemplateError as error:
        return Declared(problems=(f"ClusterSPIFFEID {error}",))
    about = sorted(about, key=lambda each: (each.narrowed, each.name))
    if about and about[0].narrowed:  # it may not be about the agent's container, and then nobody says who the agent is
        why = "its workloadSelectorTemplates are not understood, and no other object is about this pod"
        return Declared(problems=(f"ClusterSPIFFEID {about[0].name}: {why}",))
    return _rendered(about, pod, settings)


def about_pod(
    objects: Iterable[ClusterSpiffeId], pod: Pod, namespace: Labels | str, class_name: str
) -> Sequence[ClusterSpiffeId]:
    """Those that select a pod, fallbacks only where no other does; TemplateError where that cannot be told."""
    about = [each for each in objects if _is_about(each, pod, namespace, class_name)]
    return [each for each in about if not each.fallback] or about


def _rendered(about: Iterable[ClusterSpiffeId], pod: Pod, settings: ClusterSpiffeIdSettings) -> Declared:
    ids: dict[str, None] = {}
    problems: list[str] = []
    for each in about:
        try:
            ids[_id(each, pod, settings)] = None
        except ValueError as error:
            problems.append(each.problem or f"ClusterSPIFFEID {each.name}: {error}")
    if len(ids) > MOST_IDS:
        problems.append(f"ClusterSPIFFEID: over {MOST_IDS} objects give it an identity")
    return Declared(problems=tuple(problems[:MOST_PROBLEMS])) if problems else Declared(tuple(ids))


def _is_about(each: ClusterSpiffeId, pod: Pod, namespace: Labels | str, class_name: str) -> bool:
    """Also true where it cannot be told whether it is: then its problem counts."""
    if class_name and each.class_name != class_name:
        return False
    if each.pods is not None and not selects(each.pods, pod.described.labels if pod.described else {}):
        return False
    if not each.namespaces:
        return True
    own = {NAMESPACE_NAME: pod.namespace}
    known = [requirement for requirement in each.namespaces if requirement.key == NAMESPACE_NAME]
    if not selects(tuple(known), own):
        return False
    if isinstance(namespace, str) and len(known) < len(each.namespaces):
        raise TemplateError(f"{each.name}: it selects by labels of the namespace {pod.namespace}: {namespace}")
    return isinstance(namespace, str) or selects(each.namespaces, {**namespace, **own})


def _id(each: ClusterSpiffeId, pod: Pod, settings: ClusterSpiffeIdSettings) -> str:
    if each.problem or each.template is None or pod.described is None:
        raise TemplateError(each.problem)
    if not annotations_of(each.template) <= pod.described.named:
        raise TemplateError("the annotations that it names are not read yet")
    fields = {
        ".TrustDomain": settings.trust_domain,
        ".ClusterName": settings.cluster_name,
        ".ClusterDomain": settings.cluster_domain,
        ".PodMeta.Name": pod.name,
        ".PodMeta.Namespace": pod.namespace,
        ".PodMeta.UID": pod.uid,
        ".PodSpec.ServiceAccountName": pod.service_account,
        ".PodSpec.NodeName": pod.node,
    }
    maps = {LABELS: pod.described.labels, ANNOTATIONS: pod.described.annotations}
    found = spiffe_id(render(each.template, fields, maps))
    if not found.startswith(f"spiffe://{settings.trust_domain}/"):
        raise TemplateError(f"{plain_name(found)} is not of the trust domain {settings.trust_domain}")
    return found


def _selector(spec: Mapping[str, Any], name: str, problems: list[str]) -> Selector | None:
    try:
        return read_selector(spec.get(name))
    except SelectorError as error:
        problems.append(f"{name}: {error}")
        return None


def _template(text: object, problems: list[str]) -> Template | None:
    if not isinstance(text, str) or not text:
        problems.append(f"spiffeIDTemplate: expected text, got {plain_name(text)}")
        return None
    try:
        return parse_template(text)
    except TemplateError as error:
        problems.append(str(error))
        return None
