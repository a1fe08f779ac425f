"""What the API servers that are seen as pods were started without."""

from collections.abc import Iterator, Mapping

from probes.controls.catalogue.control import Control
from probes.controls.evidence import AgentObjects, EvidenceSet, Missing
from probes.controls.judges.kubernetes_object.case import OBJECT, POD, texts
from probes.controls.judging import Facts, Says, Statement, judge

_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "deployment.secrets.encrypted-at-rest": (("--encryption-provider-config",),),
    "security.secrets.access-logged": (
        ("--audit-policy-file",),
        ("--audit-log-path", "--audit-webhook-config-file"),
    ),
}
"""By control, flags: one of each group must be there."""


@judge(*_NEEDED, of=[POD])
def api_servers(control: Control, evidence: EvidenceSet, _: Facts) -> Iterator[Statement]:
    """Refuted where each one that is seen lacks a flag; those of managed control planes are not seen."""
    objects = evidence.of(OBJECT, AgentObjects)
    listing = objects if isinstance(objects, Missing) else objects.value.listing("ControlPlanePod")
    if isinstance(listing, Missing) or not listing.value.complete or not listing.value.objects:
        return
    every = [frozenset(texts(each.body.get("flags"))) for each in listing.value.objects]
    for group in _NEEDED[control.id]:
        if not any(flags & set(group) for flags in every):
            told = f"No kube-apiserver that is seen was started with {' or '.join(group)}."
            yield Statement(POD, Says.BAD, told, listing.value.objects[0].ref)
            return
