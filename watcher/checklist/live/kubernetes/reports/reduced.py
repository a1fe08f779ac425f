"""What is kept of the reports of Trivy-operator and of policy engines: counts, never what was found.

Fields by their CRDs: aquasecurity.github.io/v1alpha1, wgpolicyk8s.io, openreports.io.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from watcher.discovery.pod.kept.pod import seconds
from watcher.kube.objects import Raw

Body = dict[str, Any]
_LONGEST, _MOST = 120, 10
_DIGEST = re.compile(r"[a-z0-9]{2,16}:[0-9a-f]{32,128}")
_SYSTEM = ("deb", "rpm", "apk", "alpm")
_LANGUAGE = ("pypi", "npm", "golang", "maven", "cargo", "gem", "nuget", "composer", "conan", "hex", "pub", "swift")
_RATED = ("CRITICAL", "HIGH")
_REPO_DIGEST = "aquasecurity:trivy:RepoDigest"
_VERIFIED, _NOT_VERIFIED = "verified image signatures for ", "failed to verify image "
_IMAGE_VALIDATING = "KyvernoImageValidatingPolicy"
_MOST_RESULTS = 200


def vulnerability_report(raw: Raw) -> Body:
    """Counts by severity, at most ten names, and the operating system."""
    report = raw["report"]
    summary, found = report["summary"], [each for each in report.get("vulnerabilities") or () if isinstance(each, dict)]
    critical = [each for each in found if each.get("severity") == "CRITICAL"]
    kinds = [_package_kind(each) for each in critical]
    counted = max(_count(summary, "criticalCount"), len(critical))  # of two that differ, the worse
    listed = len(critical) >= counted
    told = listed and "" not in kinds
    system = report.get("os") or {}
    return {
        **_artifact(report),
        "critical": counted,
        "high": max(_count(summary, "highCount"), sum(each.get("severity") == "HIGH" for each in found)),
        "unrated": _count(summary, "unknownCount", needed=False),
        "fixable": sum(bool(each.get("fixedVersion")) for each in critical) if listed else None,
        "worst": [_named(each) for each in _worst_first(found)][:_MOST],
        "language_critical": kinds.count("language") if told else None,
        "language": any(_package_kind(each) == "language" for each in found),
        "family": _text(system.get("family")),
        "end_of_life": system.get("eosl") is True,
    }


def exposed_secret_report(raw: Raw) -> Body:
    """Counts by severity; the matches are not kept."""
    report = raw["report"]
    summary, found = report["summary"], [each for each in report.get("secrets") or () if isinstance(each, dict)]
    listed = [each.get("severity") for each in found]
    return {
        **_artifact(report),
        "critical": max(_count(summary, "criticalCount"), listed.count("CRITICAL")),
        "high": max(_count(summary, "highCount"), listed.count("HIGH")),
    }


def sbom_report(raw: Raw) -> Body:
    """How many components of which kind, and by which digests the image is known in registries."""
    report = raw["report"]
    bill = report.get("components") or {}
    listed = [each for each in bill.get("components") or () if isinstance(each, dict)]
    kinds = [_of_purl(each.get("purl")) for each in listed]
    own = ((bill.get("metadata") or {}).get("component") or {}).get("properties") or ()
    digests = [_digest(each.get("value")) for each in own if each.get("name") == _REPO_DIGEST]
    summary = report.get("summary") or {}
    return {
        **_artifact(report),
        "format": _text(bill.get("bomFormat")),
        "components": _count(summary, "componentsCount") if "componentsCount" in summary else len(listed),
        "system": kinds.count("system"),
        "language": kinds.count("language"),
        "digests": sorted({each for each in digests if each})[:_MOST],
    }


def policy_report(raw: Raw) -> Body | None:
    """Of Kyverno's results those on signatures of the images of a pod; None: there is none."""
    scope = raw.get("scope") or {}
    results = [each for each in raw.get("results") or () if isinstance(each, dict)]
    kept = list(_signatures(scope, results))[:_MOST_RESULTS]
    return {"results": kept} if kept else None


def _signatures(scope: Mapping[str, Any], results: Iterable[Mapping[str, Any]]) -> Iterator[Body]:
    for each in results:
        image = _verified_image(each)
        if image is None:
            continue
        subjects = [scope] if scope else each.get("resources") or each.get("subjects") or ()
        for subject in subjects:
            if isinstance(subject, dict) and subject.get("kind") == "Pod":
                yield {
                    "pod": _text(subject.get("name")),
                    "uid": _text(subject.get("uid")),
                    "image": image[:300],
                    "policy": _text(each.get("policy")),
                    "result": _text(each.get("result")),
                    "at": float((each.get("timestamp") or {}).get("seconds") or 0),
                }


def _verified_image(result: Mapping[str, Any]) -> str | None:
    """Of which image a result says whether it is signed; empty: of all of the pod; None: of none.

    Kyverno's verifyImages has no mark of its own in a report: what its engine writes as the message tells it.
    """
    message, source = str(result.get("message") or ""), str(result.get("source") or "")
    if source == _IMAGE_VALIDATING:
        return ""
    if not source.lower().startswith("kyverno"):
        return None
    if message.startswith(_VERIFIED):
        return message.removeprefix(_VERIFIED).split(None, 1)[0]
    if message.startswith(_NOT_VERIFIED):
        return message.removeprefix(_NOT_VERIFIED).split(None, 1)[0].rstrip(":")
    return None


def _artifact(report: Mapping[str, Any]) -> Body:
    artifact = report["artifact"]
    return {
        "digest": _digest(artifact.get("digest")),
        "repository": str(artifact.get("repository") or "")[:300],
        "at": seconds(report.get("updateTimestamp")),
    }


def _digest(value: object) -> str:
    """`sha256:...` of a text that is it or ends with it; empty where it does not."""
    text = str(value or "").rpartition("@")[2]
    return text if _DIGEST.fullmatch(text) else ""


def _count(summary: Mapping[str, Any], key: str, *, needed: bool = True) -> int:
    """What was not counted is not none, where that would be good."""
    value = summary.get(key) if needed else summary.get(key) or 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{key} is no count")
    return value


def _worst_first(found: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    rated = [each for each in found if each.get("severity") in _RATED]
    return sorted(rated, key=lambda each: (_RATED.index(each["severity"]), str(each.get("vulnerabilityID"))))


def _named(found: Mapping[str, Any]) -> str:
    fixed = _text(found.get("fixedVersion"))[:40]
    name = _text(found.get("vulnerabilityID"))[:40]
    return f"{name} (fixed in {fixed})" if fixed else name


def _package_kind(found: Mapping[str, Any]) -> str:
    """`system` or `language`; empty where the report does not say."""
    named = {"os-pkgs": "system", "lang-pkgs": "language"}.get(str(found.get("class") or ""))
    return named or _of_purl(found.get("packagePURL"))


def _of_purl(purl: object) -> str:
    kind = str(purl or "").removeprefix("pkg:").partition("/")[0]
    return "system" if kind in _SYSTEM else "language" if kind in _LANGUAGE else ""


def _text(value: object) -> str:
    """Cut, and without anything that is no printable ASCII: what others wrote gets into sentences."""
    return re.sub(r"[^\x20-\x7e]", "?", str(value or ""))[:_LONGEST]
