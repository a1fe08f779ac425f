"""Whether a certificate that is no SVID comes from a mounted Secret."""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import Missing, ServedPort, Spoken
from probes.controls.judges.kubernetes_object.case import mapping, mappings, short
from probes.controls.judges.kubernetes_pod.case import PodCase, pod_judge
from probes.controls.judges.served_identity import serves_no_identity
from probes.controls.judging import Statement

_CERTIFICATE = "tls.crt"


@pod_judge("security.identity.spire-configured")
def certificate_of_a_secret(case: PodCase) -> Iterator[Statement]:
    """Where the pod serves a certificate without a SPIFFE ID, a Secret with tls.crt that it mounts has it."""
    if not serves_no_identity(case.evidence, case.pod) or not _is_tls(case):
        return
    for volume in mappings(case.seen.template.spec.get("volumes")):
        secret = mapping(volume.get("secret"))
        if any(each.get("key") == _CERTIFICATE for each in mappings(secret.get("items"))):
            name = short(secret.get("secretName"))
            yield case.bad(f"It serves no SPIFFE ID, and mounts the certificate of the Secret {name}.")


def _is_tls(case: PodCase) -> bool:
    found = case.of_pod(SourceName.HANDSHAKE)
    served = None if found is None or isinstance(found, Missing) else found.value
    return isinstance(served, ServedPort) and served.spoken is Spoken.TLS
