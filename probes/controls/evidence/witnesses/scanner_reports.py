"""What other scanners left in the cluster about the images that an agent runs."""

from dataclasses import dataclass
from typing import NamedTuple

from probes.controls.evidence.gathered import Missing

CLOCK_SKEW = 300.0
"""Seconds that a scanner's clock may be ahead."""


class ScannedVulnerabilities(NamedTuple):
    """The VulnerabilityReport of one image."""

    at: float  # Unix seconds: when the scanner wrote it
    ref: str
    critical: int
    high: int
    unrated: int
    fixable: int | None  # of the critical ones, those with a fixed version; None where the report lists not all of them
    worst: tuple[str, ...]  # `CVE-2026-1 (fixed in 2.0)`, at most ten, critical ones first
    language_critical: int | None  # of the critical ones, those of language packages; None where it does not say
    language: bool  # it names a vulnerability of a language package
    family: str  # of the operating system
    end_of_life: bool


class ScannedSecrets(NamedTuple):
    """The ExposedSecretReport of one image: counts, never what was found."""

    at: float  # Unix seconds
    ref: str
    critical: int
    high: int


class ScannedComponents(NamedTuple):
    """The SbomReport of one image."""

    at: float  # Unix seconds
    ref: str
    format: str
    components: int
    system: int  # of these, packages of the operating system
    language: int  # of these, language packages


class SignatureResult(NamedTuple):
    """What a policy engine says of the signature of one image of a pod."""

    at: float  # Unix seconds; 0 where it does not say
    ref: str
    policy: str
    result: str  # pass, fail, warn, error or skip
    image: str  # as the pod names it; empty where it speaks of all images of the pod


@dataclass(frozen=True, slots=True)
class RunningImage:
    """What one container runs, and the newest report of each kind for exactly that."""

    container: str
    image: str  # as the pod names it
    digest: str  # `sha256:...`; empty where the kubelet has not told it
    vulnerabilities: ScannedVulnerabilities | Missing
    secrets: ScannedSecrets | Missing
    components: ScannedComponents | Missing


@dataclass(frozen=True, slots=True)
class ScannerReports:
    """Source `scanner_report`."""

    images: tuple[RunningImage, ...]  # of all containers of all pods that do not end, those that differ each once
    signatures: tuple[SignatureResult, ...] | Missing  # of all these pods
