"""Are the images signed, as the reports of a policy engine tell? The watcher verifies no signature itself."""

from collections.abc import Iterator, Sequence

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, RunningImage
from probes.controls.evidence.witnesses.scanner_reports import SignatureResult
from probes.controls.judges.kubernetes_object.case import short
from probes.controls.judges.scanner_report.case import SOURCE, reports_of, unclear
from probes.controls.judging import Facts, Says, Statement, judge


@judge("deployment.image.signed", of=[SOURCE])
def signed(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Whether each image has a result, and it is that its signature is good."""
    reports = reports_of(evidence)
    if isinstance(reports.signatures, Missing):
        yield unclear(reports.signatures.reason, reports.signatures.message)
        return
    spec = control.spec(SOURCE)
    since = 0.0 if spec is None or spec.max_age is None else facts.now - spec.max_age
    results = [each for each in reports.signatures if each.result != "fail" or not each.at or each.at >= since]
    if (all_fail := next((each for each in results if not each.image and each.result == "fail"), None)) is not None:
        told = f"{short(all_fail.policy)} says that an image of its pods has no valid signature."
        yield Statement(SOURCE, Says.BAD, told, all_fail.ref)
    for image in reports.images:
        if facts.container_roles.get(image.container) != "sidecar":
            yield _of_image(image, results, since, reports.images)


def _of_image(
    image: RunningImage, results: Sequence[SignatureResult], since: float, images: Sequence[RunningImage]
) -> Statement:
    name = short(image.container)
    own = [each for each in results if each.image and _is_same(each.image, image.image)]
    if not own:
        return unclear(UnknownReason.NO_DATA, f"No policy engine reports on the signature of container {name}'s image.")
    failed = next((each for each in own if each.result == "fail"), None)
    if failed is not None:
        told = f"{short(failed.policy)} says that the image of container {name} has no valid signature."
        return Statement(SOURCE, Says.BAD, told, failed.ref)
    if (old := next((each for each in own if each.at and each.at < since), None)) is not None:
        told = f"{short(old.policy)} reported on the image of container {name} too long ago."
        return unclear(UnknownReason.STALE, told, old.ref)
    doubtful = next((each for each in own if each.result != "pass"), None)
    if doubtful is not None:
        told = f"{short(doubtful.policy)} says {short(doubtful.result)} of the image of container {name}, and not pass."
        return unclear(UnknownReason.NO_DATA, told, doubtful.ref)
    if all("@" not in each.image for each in own) and _is_one_of_several(image, images):
        told = f"Pods run several images under the tag of container {name}'s; which of them was verified is not told."
        return unclear(UnknownReason.NO_DATA, told, own[0].ref)
    told = f"{short(own[0].policy)} verified the signature of the image of container {name}."
    return Statement(SOURCE, Says.GOOD, told, own[0].ref)


def _is_one_of_several(image: RunningImage, images: Sequence[RunningImage]) -> bool:
    """Whether another pod runs another digest by the same words."""
    return any(each.image == image.image and each.digest != image.digest for each in images)


def _is_same(told: str, image: str) -> bool:
    """Whether both name one image; a policy engine may have put registry and digest to the name."""
    return told == image or _parts(told) == _parts(image)


def _parts(image: str) -> tuple[str, str]:
    """Name with registry, and what tells the version: of a tag with a digest, the digest."""
    name, _, digest = image.partition("@")
    head, slash, rest = name.partition("/")
    if not slash or ("." not in head and ":" not in head and head != "localhost"):
        head, rest = "docker.io", name if slash else f"library/{name}"
    path, _, tag = rest.partition(":")
    return f"{head}/{path}", digest or tag or "latest"
