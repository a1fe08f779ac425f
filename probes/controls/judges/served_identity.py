"""Whether a pod serves a SPIFFE ID at all, by the last handshake with it."""

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import EvidenceSet, Missing, Pod, ServedPort, Spoken

_SCHEME = "spiffe://"


def serves_no_identity(evidence: EvidenceSet, pod: Pod) -> bool:
    """Whether it serves none for certain: it talks plaintext, or its certificate has none."""
    found = evidence.of_pod(SourceName.HANDSHAKE, pod)
    if found is None or isinstance(found, Missing) or not isinstance(found.value, ServedPort):
        return False
    uris = found.value.uris
    return found.value.spoken is Spoken.PLAIN or (uris is not None and not any(u.startswith(_SCHEME) for u in uris))
