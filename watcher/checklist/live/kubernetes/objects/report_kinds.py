"""The reports of other scanners that are followed for the checklist."""

from watcher.checklist.live.kubernetes.objects.kinds import Group, Kind, Reduce
from watcher.checklist.live.kubernetes.reports.reduced import (
    exposed_secret_report,
    policy_report,
    sbom_report,
    vulnerability_report,
)

VULNERABILITIES, SECRETS, COMPONENTS = "VulnerabilityReport", "ExposedSecretReport", "SbomReport"
SIGNATURES = ("PolicyReport", "Report")

_FEW = 5
"""Reports of a page: one may have a megabyte and more."""


def report_kinds() -> tuple[Kind, ...]:
    """All of them."""
    return (
        _trivy(VULNERABILITIES, "vulnerabilityreports", vulnerability_report),
        _trivy(SECRETS, "exposedsecretreports", exposed_secret_report),
        _trivy(COMPONENTS, "sbomreports", sbom_report),
        _policy("PolicyReport", "wgpolicyk8s.io", "policyreports", "v1beta1", "v1alpha2"),
        _policy("Report", "openreports.io", "reports", "v1alpha1"),
    )


def _trivy(name: str, plural: str, reduce: Reduce) -> Kind:
    return Kind(name, Group.REPORTS, "aquasecurity.github.io", plural, reduce, ("v1alpha1",), custom=True, page=_FEW)


def _policy(name: str, api: str, plural: str, *versions: str) -> Kind:
    return Kind(name, Group.REPORTS, api, plural, policy_report, versions, custom=True, page=_FEW)
