"""Whether a certificate that is no SVID comes from a mounted Secret."""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import Missing, ServedPort
from probes.controls.judges.kubernetes_object.case import mapping, mappings, short
from probes.controls.judges.kubernetes_pod.case import PodCase, pod_judge
from probes.controls.judging import Statement

_CERTIFICATE = "tls.crt"


@pod_judge("security.identity.spire-configured")
def certificate_of_a_secret(case: PodCase) -> Iterator[Statement]:
    """Where the pod serves no SPIFFE ID, a Secret with tls.crt that it mounts says whence its certificate is."""
    found = case.pod.sources.get(SourceName.HANDSHAKE)
    if found is None or isinstance(found, Missing) or not isinstance(found.value, ServedPort):
        return
    uris = found.value.uris
    if uris is None or any(uri.startswith("spiffe://") for uri in uris):
        return
    for volume in mappings(case.live.template.spec.get("volumes")):
        secret = mapping(volume.get("secret"))
        if any(each.get("key") == _CERTIFICATE for each in mappings(secret.get("items"))):
            name = short(secret.get("secretName"))
            yield case.bad(f"It serves no SPIFFE ID, and mounts the certificate of the Secret {name}.")
