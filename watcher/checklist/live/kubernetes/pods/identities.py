"""Which ClusterSPIFFEIDs give each pod its identity? The discovery reads them, where the config asks for it."""

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import IdentityEntries, IdentityEntry, Missing, Seen
from watcher.discovery.identities.cluster_spiffe_id_watch import ClusterSpiffeIdWatch
from watcher.discovery.identities.cluster_spiffe_ids import ClusterSpiffeId
from watcher.discovery.identities.go_template import TemplateError
from watcher.discovery.pod.pod import Pod

_OFF = Missing(
    UnknownReason.NOT_ENABLED, "ClusterSPIFFEIDs are not read: discovery.kubernetes.cluster_spiffe_ids is not set."
)
_ABSENT = Missing(UnknownReason.SOURCE_MISSING, "The CRD of SPIRE's controller manager is not installed.")
_FORBIDDEN = Missing(UnknownReason.FORBIDDEN, "ClusterSPIFFEIDs may not be listed.")
_NOT_YET = Missing(UnknownReason.UNREACHABLE, "ClusterSPIFFEIDs could not be listed yet.")
_OF_NAMESPACES = ("k8s:ns:",)
_OF_WORKLOADS = ("k8s:sa:", "k8s:pod-label:")


def entries_of(pod: Pod, watch: ClusterSpiffeIdWatch | None, observed_at: float) -> Seen[IdentityEntries] | Missing:
    """Source `cluster_spiffe_id` of a pod; `observed_at`: Unix seconds at which the API server told of them last."""
    if missing := unread(watch):
        return missing
    if watch is None:
        return _OFF
    try:
        about = watch.about(pod)
        why = next((each.problem for each in about if each.pods is None or each.namespaces is None), "")
    except TemplateError as error:
        about, why = (), str(error)
    found = IdentityEntries(tuple(_entry(each) for each in about), why)
    return Seen(found, observed_at, f"clusterspiffeid/{about[0].name}" if about else "clusterspiffeids")


def unread(watch: ClusterSpiffeIdWatch | None) -> Missing | None:
    """Why none are known; None where they are."""
    if watch is None:
        return _OFF
    if watch.refused:
        return _FORBIDDEN
    if watch.why.startswith("404"):
        return _ABSENT
    return None if watch.is_known and watch.last_success is not None else _NOT_YET


def _entry(each: ClusterSpiffeId) -> IdentityEntry:
    return IdentityEntry(
        each.name,
        names_namespace=bool(each.namespaces) or any(word in each.words for word in _OF_NAMESPACES),
        names_workload=bool(each.pods) or any(word in each.words for word in _OF_WORKLOADS),
    )
