"""Trivy's JSON report: vulnerabilities by severity, and of which image.

A report without a single result is none: nothing was recognised in the image, so that nothing was looked at.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from watcher.checklist.results.counted import Counted, UnreadableError, document

_SEVERITIES = ("critical", "high", "medium", "low", "unknown")


class _Vulnerability(BaseModel):
    severity: Annotated[str, Field(alias="Severity")] = "UNKNOWN"
    fixed: Annotated[str, Field(alias="FixedVersion")] = ""


class _Result(BaseModel):
    kind: Annotated[str, Field(alias="Class")] = ""
    vulnerabilities: Annotated[list[_Vulnerability] | None, Field(alias="Vulnerabilities")] = None


class _Metadata(BaseModel):
    digests: Annotated[list[str] | None, Field(alias="RepoDigests")] = None


class _Report(BaseModel):
    version: Annotated[Literal[2], Field(alias="SchemaVersion")]
    metadata: Annotated[_Metadata, Field(alias="Metadata")] = _Metadata()
    results: Annotated[list[_Result] | None, Field(alias="Results")] = None


def read_trivy(data: bytes) -> Counted:
    """`critical`, `high`, `medium`, `low`, `unknown`, `critical_fixable`, and the image's digests; UnreadableError."""
    report = document(data, _Report, "the JSON report of Trivy (SchemaVersion 2)")
    scanned = [each for each in report.results or () if each.kind in ("os-pkgs", "lang-pkgs")]
    if not scanned:
        raise UnreadableError("no packages were looked at, so that what was not found says nothing")
    found = [each for result in scanned for each in result.vulnerabilities or ()]
    severities = [each.severity.lower() for each in found]
    if strange := set(severities) - set(_SEVERITIES):
        raise UnreadableError(f"expected severities that Trivy has, got {len(strange)} others")
    counts: dict[str, float] = {each: severities.count(each) for each in _SEVERITIES}
    counts["critical_fixable"] = sum(each.severity.lower() == "critical" and bool(each.fixed) for each in found)
    digests = [each.rpartition("@")[2] for each in report.metadata.digests or ()]
    return Counted(counts, frozenset(digests))
