"""Which reports are about exactly what an agent's pods run now?

1. Of each container of each pod that does not end, the digest that the kubelet tells.
2. A report is about it where its artifact has that digest. Trivy-operator writes the image's own ID there where a pod
   names its image by a tag; that ID is the running digest where an SbomReport of it has both.
3. Of several the newest counts, and one that is dated in the future only where there is no other. What is about
   another digest is as good as none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, Container, KubeObject, Missing, RunningImage, ScannerReports, Seen
from probes.controls.evidence.witnesses.scanner_reports import (
    CLOCK_SKEW,
    ScannedComponents,
    ScannedSecrets,
    ScannedVulnerabilities,
    SignatureResult,
)
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.report_kinds import COMPONENTS, SECRETS, SIGNATURES, VULNERABILITIES
from watcher.discovery.pod.kept.template import KeptTemplate
from watcher.discovery.pods.scope import SeenPod

T = TypeVar("T")
_MOST_IMAGES = 200
_NO_POD = Missing(UnknownReason.NO_DATA, "No pod of the agent runs.")
_TOO_MANY = Missing(UnknownReason.UNPARSEABLE, f"Its pods run more than {_MOST_IMAGES} different images.")
Found = Sequence[KubeObject] | Missing


def reports_of(ref: AgentRef, pods: Iterable[SeenPod], followed: Followed) -> Seen[object] | Missing:
    """Source `scanner_report` of an agent with these pods."""
    kinds = (VULNERABILITIES, SECRETS, COMPONENTS, *SIGNATURES)
    listed = {kind: _listed(kind, ref.namespace, followed) for kind in kinds}
    if (nowhere := _nowhere(listed)) is not None:
        return nowhere
    running = [each for each in pods if each.kept is not None and each.kept.run.ends_since is None]
    if not running:
        return _NO_POD
    containers = _containers(running)
    if len(containers) > _MOST_IMAGES:
        return _TOO_MANY
    latest = max(collection.told_at(followed.date_of) for collection in followed.every(kinds)) + CLOCK_SKEW
    images = tuple(_image(*each, listed, latest) for each in containers)
    at = min(collection.told_at(followed.date_of) for collection in followed.every(kinds))
    value = ScannerReports(images, _signatures(running, listed))
    return Seen(value, at, f"reports of {ref}", _summary(images))


def _listed(kind: str, namespace: str, followed: Followed) -> Found:
    collection = followed.of(kind, namespace)
    if isinstance(collection, Missing):
        return collection
    if collection.absent:
        return Missing(UnknownReason.SOURCE_MISSING, f"The cluster has no CRD of {kind} objects.")
    return collection.lacks_in(namespace) or collection.of(namespace)


def _nowhere(listed: Mapping[str, Found]) -> Missing | None:
    """Why there are no reports at all; None where there may be some."""
    missing = [each for each in listed.values() if isinstance(each, Missing)]
    reasons = {each.reason for each in missing}
    if len(missing) < len(listed) or len(reasons) > 1:
        return None
    reason = missing[0].reason
    if reason is UnknownReason.SOURCE_MISSING:
        return Missing(reason, "The cluster has no CRDs of Trivy-operator or of a policy engine.")
    if reason is UnknownReason.NOT_ENABLED:
        return Missing(reason, "Reports of scanners are not read: checklist.kubernetes.reports is off.")
    return (
        Missing(reason, "Reports of scanners may not be listed.") if reason is UnknownReason.FORBIDDEN else missing[0]
    )


def _containers(pods: Iterable[SeenPod]) -> Sequence[tuple[str, str, str]]:
    """Name, image and digest, each once; of more than _MOST_IMAGES not all."""
    found: dict[tuple[str, str, str], None] = {}
    read: dict[KeptTemplate, list[Container]] = {}  # most pods have the same template
    for seen in pods:
        if seen.kept is None or len(found) > _MOST_IMAGES:
            continue
        template = seen.kept.template
        if template not in read:
            read[template] = list(template.read().containers())
        for container in read[template]:
            run = seen.kept.run.container(container.name)
            digest = run.image_id.rpartition("@")[2] if run is not None else ""
            image = str(container.body.get("image") or "")
            found[container.name, image, digest if ":" in digest else ""] = None
    return sorted(found)


def _image(container: str, image: str, digest: str, listed: Mapping[str, Found], latest: float) -> RunningImage:
    same = _known_as(digest, listed[COMPONENTS])

    def newest(kind: str, read: Callable[[KubeObject], T]) -> T | Missing:
        return _newest(kind, container, image, digest, listed[kind], same, latest, read)

    return RunningImage(
        container,
        image,
        digest,
        newest(VULNERABILITIES, _vulnerabilities),
        newest(SECRETS, _secrets),
        newest(COMPONENTS, _components),
    )


def _newest(
    kind: str,
    container: str,
    image: str,
    digest: str,
    listed: Found,
    same: frozenset[object],
    latest: float,
    read: Callable[[KubeObject], T],
) -> T | Missing:
    if isinstance(listed, Missing):
        return listed
    if not digest:
        return Missing(UnknownReason.NO_DATA, f"The kubelet has not reported which image container {container} runs.")
    mine = [each for each in listed if each.body["digest"] in same]
    if mine:
        return read(max(mine, key=partial(_newer, latest=latest)))
    repository = _repository(image)
    if any(repository == each.body["repository"] for each in listed):
        said = f"The {kind}s of {_short(repository)} are not about the digest that container {container} runs."
    else:
        said = f"There is no {kind} of the image that container {container} runs."
    return Missing(UnknownReason.NO_DATA, said[:200])


def _newer(report: KubeObject, latest: float) -> tuple[bool, float, int, str]:
    """One that is dated after `latest` (Unix seconds) hides no other."""
    body: dict[str, Any] = dict(report.body)
    return body["at"] <= latest, body["at"], body.get("critical", 0), report.name


def _known_as(digest: str, components: Found) -> frozenset[object]:
    """This digest, and the IDs of images that have it in a registry."""
    if isinstance(components, Missing) or not digest:
        return frozenset({digest})
    of_tags = ((each.body["digest"], each.body["digests"]) for each in components)
    return frozenset({digest, *(own for own, digests in of_tags if own and _has(digests, digest))})


def _has(digests: Any, digest: str) -> bool:
    return digest in digests


def _repository(image: str) -> str:
    """`team/search` of `registry.example.org:5000/team/search:1.2@sha256:...`."""
    name = image.partition("@")[0]
    head, slash, rest = name.partition("/")
    path = rest if slash and ("." in head or ":" in head or head == "localhost") else name
    path = path if "/" in path or slash else f"library/{path}"
    return path.partition(":")[0]


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _vulnerabilities(report: KubeObject) -> ScannedVulnerabilities:
    body: dict[str, Any] = dict(report.body)
    return ScannedVulnerabilities(
        ref=report.ref,
        worst=tuple(body["worst"]),
        **{key: body[key] for key in ScannedVulnerabilities._fields if key not in ("ref", "worst")},
    )


def _secrets(report: KubeObject) -> ScannedSecrets:
    body: dict[str, Any] = dict(report.body)
    return ScannedSecrets(body["at"], report.ref, body["critical"], body["high"])


def _components(report: KubeObject) -> ScannedComponents:
    body: dict[str, Any] = dict(report.body)
    return ScannedComponents(ref=report.ref, **{key: body[key] for key in ScannedComponents._fields if key != "ref"})


def _signatures(pods: Iterable[SeenPod], listed: Mapping[str, Found]) -> tuple[SignatureResult, ...] | Missing:
    found = [listed[kind] for kind in SIGNATURES]
    seen = [each for each in found if not isinstance(each, Missing)]
    if not seen:
        missing = [each for each in found if isinstance(each, Missing)]
        return next((each for each in missing if each.reason is not UnknownReason.SOURCE_MISSING), missing[0])
    names = {each.pod.name: each.pod.uid for each in pods}
    return tuple(result for objects in seen for each in objects for result in _results(each, names))


def _results(report: KubeObject, names: Mapping[str, str]) -> Iterator[SignatureResult]:
    results: Any = report.body["results"]
    for each in results:
        if each["pod"] in names and each["uid"] in ("", names[each["pod"]]):
            yield SignatureResult(each["at"], report.ref, each["policy"], each["result"], each["image"])


def _summary(images: Sequence[RunningImage]) -> str:
    scanned = sum(not isinstance(each.vulnerabilities, Missing) for each in images)
    return f"vulnerability reports of {scanned} of {len(images)} images"
