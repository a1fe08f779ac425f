"""What ClusterSPIFFEIDs and their kin say of the identities of pods."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, IdentityEntries, Missing
from probes.controls.judges.federated_domains import unfederated
from probes.controls.judges.kubernetes_object.case import short
from probes.controls.judges.served_identity import serves_no_identity
from probes.controls.judging import Facts, Says, Statement, judge

ENTRIES = SourceName.CLUSTER_SPIFFE_ID


@judge("security.identity.workload-attestation-configured", of=[ENTRIES])
def attested_by_its_own_marks(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Each entry of each pod names a namespace, and a service account or labels."""
    for pod, found in evidence.of_pods(ENTRIES, IdentityEntries):
        if not isinstance(found, Missing):
            yield from (_of_pod(pod.name, each) for each in _said(found.value))


def _said(found: IdentityEntries) -> Iterator[tuple[Says, str, UnknownReason | None]]:
    for each in found.entries:
        name = short(each.name)
        if not each.names_namespace and not each.names_workload:
            yield Says.BAD, f"ClusterSPIFFEID {name} has an empty selector: every pod gets its identity.", None
        elif not (each.names_namespace and each.names_workload):
            what = "labels or a service account" if each.names_namespace else "a namespace"
            yield Says.UNCLEAR, f"ClusterSPIFFEID {name} selects its pods without {what}.", UnknownReason.NO_DATA
    if found.unread:
        yield Says.UNCLEAR, f"Its entries are not known in full: {found.unread}."[:200], UnknownReason.NO_DATA
    elif not found.entries:
        yield Says.UNCLEAR, "No ClusterSPIFFEID selects the pod.", UnknownReason.NO_DATA
    elif all(each.names_namespace and each.names_workload for each in found.entries):
        yield Says.GOOD, "Each entry of the pod names a namespace, and labels or a service account.", None


def _of_pod(pod: str, said: tuple[Says, str, UnknownReason | None]) -> Statement:
    says, message, reason = said
    return Statement(ENTRIES, says, message, pod=pod, reason=reason)


@judge("security.identity.registration-entries-created", of=[ENTRIES])
def entry_is_there(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """A pod that serves no SPIFFE ID, and that no entry selects, has none."""
    for pod, found in evidence.of_pods(ENTRIES, IdentityEntries):
        none = not isinstance(found, Missing) and not found.value.entries and not found.value.unread
        if none and serves_no_identity(evidence, pod):
            told = "It serves no SPIFFE ID, and no ClusterSPIFFEID selects it."
            yield Statement(ENTRIES, Says.BAD, told, pod=pod.name)


@judge("security.identity.trust-bundles-configured", of=[ENTRIES])
def federated(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """Each trust domain that the config allows beside its own is one that SPIRE has a bundle of."""
    for told in unfederated(evidence):
        yield Statement(ENTRIES, Says.BAD, told)
