"""Policies of other kinds that may restrict the pods or let in and out what no NetworkPolicy does. Their rules are not
judged."""

from probes.controls.catalogue.control import UnknownReason
from probes.controls.judges.kubernetes_object.case import TemplateCase, lacking, short, unclear
from probes.controls.judging import Statement

KINDS = (
    "CiliumNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "ClusterNetworkPolicy",
)


def beside(case: TemplateCase) -> Statement | None:
    """Why NetworkPolicies alone do not decide; None where no policy of another kind is about the pods.

    Kinds that are no part of what was given, as in manifests, are passed over.
    """
    for kind in KINDS:
        listing = case.listing(kind)
        if listing.objects:
            told = f"{kind} {short(listing.objects[0].name)} is about its pods, and its rules are not judged."
            return unclear(UnknownReason.SOURCE_MISSING, told)
        if listing.lacks and listing.lacks.reason is not UnknownReason.SOURCE_MISSING:
            return lacking(listing.lacks)
    return None
