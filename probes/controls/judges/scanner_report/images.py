"""Were the images that run scanned, and what was found?"""

from collections.abc import Iterator, Sequence

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence.scanner_reports import ScannedComponents, ScannedSecrets, ScannedVulnerabilities
from probes.controls.judges.scanner_report.case import ImageCase, image_judge
from probes.controls.judging import Statement

_MOST_SYSTEM = 300
"""Packages of an operating system, over which an image is not minimal."""

_ROOM = 120
"""Characters that names of vulnerabilities may take of a sentence."""


@image_judge("vulnerabilities", "deployment.image.scanned")
def scanned(case: ImageCase[ScannedVulnerabilities]) -> Iterator[Statement]:
    """Whether the scan passed: no critical vulnerability that has a fixed version."""
    report, name = case.report, case.container
    if report.critical == 0 or report.fixable == 0:
        yield case.good(f"The image of container {name} was scanned: no critical vulnerability has a fixed version.")
    elif report.fixable is None:
        told = (
            f"The report on container {name} counts {report.critical} critical vulnerabilities and does not list them."
        )
        yield case.unclear(UnknownReason.UNPARSEABLE, told)
    else:
        said = f"{report.fixable} critical vulnerabilities of container {name} have a fixed version"
        yield case.bad(f"{said}: {_names(report.worst)}.")


@image_judge("vulnerabilities", "deployment.image.no-critical-vulns")
def no_critical_vulnerabilities(case: ImageCase[ScannedVulnerabilities]) -> Iterator[Statement]:
    """Whether nothing critical or high was found."""
    report, name = case.report, case.container
    if report.critical or report.high:
        said = f"Container {name} has {report.critical} critical and {report.high} high vulnerabilities"
        yield case.bad(f"{said}: {_names(report.worst)}." if report.worst else f"{said}.")
    else:
        unrated = f", {report.unrated} without a severity" if report.unrated else ""
        yield case.good(f"Container {name} has no critical and no high vulnerability{unrated}.")


@image_judge("vulnerabilities", "testing.security.dependency-scan")
def dependencies_scanned(case: ImageCase[ScannedVulnerabilities]) -> Iterator[Statement]:
    """Whether language packages were scanned, and nothing critical was found in them."""
    report, name = case.report, case.container
    if report.language_critical:
        yield case.bad(
            f"{report.language_critical} critical vulnerabilities are in language packages of container {name}."
        )
    elif report.language_critical is None:
        told = f"The report on container {name} does not say which of its vulnerabilities are in language packages."
        yield case.unclear(UnknownReason.UNPARSEABLE, told)
    elif report.language or _has_language_packages(case):
        yield case.good(f"The language packages of container {name} have no critical vulnerability.")
    else:
        told = f"No report names a language package of container {name}, so it is not known whether they were scanned."
        yield case.unclear(UnknownReason.NO_DATA, told)


@image_judge("components", "deployment.image.sbom-generated")
def has_bill_of_materials(case: ImageCase[ScannedComponents]) -> Iterator[Statement]:
    """Whether its components are listed."""
    report, name = case.report, case.container
    if report.components:
        kind = f" ({report.format})" if report.format else ""
        yield case.good(f"The SBOM of container {name} lists {report.components} components{kind}.")
    else:
        yield case.bad(f"The SBOM of container {name} lists no component.")


@image_judge("secrets", "security.secrets.none-in-code")
def no_secret_in_image(case: ImageCase[ScannedSecrets]) -> Iterator[Statement]:
    """Whether a scanner found secrets in the image."""
    count = case.report.critical + case.report.high
    if count:
        yield case.bad(f"A scanner found {count} secrets of high severity in the image of container {case.container}.")


@image_judge("vulnerabilities", "deployment.image.base-minimal")
def base_is_minimal(case: ImageCase[ScannedVulnerabilities]) -> Iterator[Statement]:
    """Whether the base image gets no more updates, or is a whole system."""
    report, components, name = case.report, case.image.components, case.container
    if report.end_of_life:
        yield case.bad(f"The system of container {name} ({report.family}) is past its end of life.")
    elif isinstance(components, ScannedComponents) and components.system > _MOST_SYSTEM:
        yield case.bad(
            f"Container {name} has {components.system} packages of its operating system, over {_MOST_SYSTEM}."
        )


def _has_language_packages(case: ImageCase[ScannedVulnerabilities]) -> bool:
    components = case.image.components
    return isinstance(components, ScannedComponents) and components.language > 0


def _names(worst: Sequence[str]) -> str:
    """As many as there is room for, and how many are left out."""
    shown: list[str] = []
    for each in worst:
        if shown and len(", ".join([*shown, each])) > _ROOM:
            break
        shown.append(each)
    more = len(worst) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
