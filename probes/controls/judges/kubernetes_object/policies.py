"""Whether the policy that an agent's pod mounts is changed where it is kept."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control
from probes.controls.evidence import EvidenceSet, KubeObject, Missing
from probes.controls.judges.kubernetes_object.case import OBJECT, bad, mapping, mappings, objects_of, short
from probes.controls.judges.kubernetes_object.deployed_by import tool_of
from probes.controls.judging import Facts, Statement, judge

_BY_HAND = ("kubectl-edit", "kubectl-patch", "kubectl-client-side-apply")
"""Field managers of changes that no GitOps tool makes."""


@judge("security.authz.policy-version-controlled", of=[OBJECT])
def changed_by_hand(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
    """No ConfigMap with a policy that Argo CD or Flux keeps was last changed by somebody else."""
    config_maps = objects_of(evidence).listing("ConfigMap")
    for each in () if isinstance(config_maps, Missing) else config_maps.value.objects:
        tool, manager = tool_of(each), _changed_last(each)
        has_policy = any(str(key).endswith(".rego") for key in mapping(each.body.get("data")))
        if has_policy and tool in ("Argo CD", "Flux") and manager in _BY_HAND:
            told = f"The policy in ConfigMap {short(each.name)} is kept by {tool}, and {manager} changed it last."
            yield bad(told, each.ref)


def _changed_last(found: KubeObject) -> str:
    """The field manager of the newest change of its data; empty where it is not told."""
    fields = mappings(mapping(found.body.get("metadata")).get("managedFields"))
    of_data = [each for each in fields if "f:data" in mapping(each.get("fieldsV1"))]
    newest = max(of_data, key=lambda each: str(each.get("time")), default={})
    return str(newest.get("manager", ""))
