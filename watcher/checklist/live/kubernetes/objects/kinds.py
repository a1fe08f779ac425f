"""Which kinds of objects are followed for the checklist, by the right that each needs, and what is kept of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from probes.controls.judges.kubernetes_object.deployed_by import MARKS
from probes.controls.judges.kubernetes_object.secrets.reading_roles import KNOWN_ROLES, reads_secrets
from watcher.checklist.live.kubernetes.objects.node_pods import control_plane_pod, spire_agent_pod
from watcher.checklist.live.kubernetes.objects.policy_selectors import of_admin_policy, of_cilium_policy, of_policy
from watcher.kube.list_watch import PAGE
from watcher.kube.objects import Raw
from watcher.kube.selectors import Selector

MOST_BYTES = 256 * 2**10
"""Of one object, in JSON."""

_LONGEST = 253


class Group(StrEnum):
    """Rights that are given together, by the names that the config has for them."""

    WORKLOADS = "workloads"  # what makes pods, and what makes their Secrets
    NETWORK = "network"  # what restricts their traffic, and where it goes
    RBAC = "rbac"  # who may read Secrets
    SPIRE = "spire"  # who gets which identity
    REPORTS = "reports"  # what other scanners found


Body = dict[str, Any]
Reduce = Callable[[Raw], Body | None]
"""What is kept of an object; None: nothing, as nobody asks for it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of objects."""

    name: str  # as judges know it
    group: Group
    api: str  # its API group, such as `apps`; empty for the core's
    plural: str
    reduce: Reduce
    versions: tuple[str, ...] = ("v1",)  # of the API group that are understood, the best first
    namespaced: bool = True
    within: str = ""  # the one namespace in which they are wanted, of a kind that concerns all of them
    labels: str = ""  # label selector of those that are wanted; empty: all
    custom: bool = False  # of a CRD, which may not be installed
    selector: Callable[[Raw], Selector] | None = None  # of the pods that it is about; None: of no single pods
    of_nodes: bool = False  # of each only what is on the nodes of its pods concerns an agent
    judged: bool = True  # judges are handed these objects; else only the watcher looks things up in them
    page: int = PAGE  # objects that are listed at once

    def path(self, version: str, namespace: str = "") -> str:
        """Where they are listed: those of a namespace, or (empty) all."""
        root = f"/apis/{self.api}" if self.api else "/api"
        found_in = namespace if self.namespaced else self.within
        within = f"/namespaces/{found_in}" if found_in else ""
        return f"{root}/{version}{within}/{self.plural}"


def meta_of(raw: Raw) -> Body:
    """Who made an object and keeps it as it is."""
    meta = raw["metadata"]
    return {
        "labels": _marks(meta.get("labels") or {}),
        "annotations": _marks(meta.get("annotations") or {}),
        "ownerReferences": [_owner(each) for each in meta.get("ownerReferences") or ()],
    }


def _marks(given: Mapping[str, Any]) -> Body:
    return {key: str(value)[:_LONGEST] for key, value in given.items() if key in MARKS}


def _owner(reference: Raw) -> Body:
    return {key: reference.get(key) for key in ("kind", "name", "controller")}


def _with_spec(raw: Raw) -> Body:
    """All of a spec that says which traffic is let through."""
    return {"metadata": meta_of(raw), "spec": raw.get("spec") or {}}


def _name_only(raw: Raw) -> Body:
    return {"metadata": meta_of(raw)}


def _maker(raw: Raw) -> Body:
    """What says which Secret it makes, how often and whether it does; nothing that is encrypted."""
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    of_spec = ("target", "secretName", "destination", "refreshPolicy", "refreshInterval", "refreshAfter")
    of_status = ("conditions", "refreshTime", "renewalTime", "notAfter")
    template = ((spec.get("template") or {}).get("metadata") or {}) if isinstance(spec.get("template"), dict) else {}
    kept: Body = {key: spec[key] for key in of_spec if key in spec}
    if "name" in template:
        kept["template"] = {"metadata": {"name": template["name"]}}
    if "secretObjects" in spec:
        kept["secretObjects"] = [{"secretName": each.get("secretName")} for each in spec["secretObjects"]]
    if isinstance(kept.get("target"), dict):
        kept["target"] = {key: kept["target"].get(key) for key in ("name", "creationPolicy")}
    return {"metadata": meta_of(raw), "spec": kept, "status": {key: status[key] for key in of_status if key in status}}


def _role(raw: Raw) -> Body | None:
    """Of those that give secrets, the rules that do; of the well-known ones, that they are there."""
    rules = [each for each in raw.get("rules") or () if isinstance(each, dict) and reads_secrets(each)]
    known = raw.get("kind") == "ClusterRole" or "namespace" not in raw["metadata"]
    if not rules and not (known and raw["metadata"]["name"] in KNOWN_ROLES):
        return None
    return {"rules": [{key: each.get(key) for key in ("apiGroups", "resources", "verbs")} for each in rules]}


def _trust_domain(raw: Raw) -> Body:
    return {"spec": {"trustDomain": (raw.get("spec") or {}).get("trustDomain")}}


def _endpoints(raw: Raw) -> Body:
    """Which pods it names, and whether each serves: what is told of no pod is that of `ready`, and by itself true."""
    serving: dict[str, bool] = {}
    for each in raw.get("endpoints") or ():
        reference, conditions = each.get("targetRef") or {}, each.get("conditions") or {}
        if reference.get("kind") == "Pod":
            name, said = str(reference["name"])[:_LONGEST], conditions.get("serving")
            serves = (conditions.get("ready") if said is None else said) is not False
            serving[name] = serves or serving.get(name, False)
    return {"serving": serving}


def _binding(raw: Raw) -> Body:
    keys = ("kind", "name", "namespace")
    subjects = [{key: each.get(key) for key in keys if key in each} for each in raw.get("subjects") or ()]
    return {"roleRef": {key: raw["roleRef"].get(key) for key in ("kind", "name")}, "subjects": subjects}


_RBAC = "rbac.authorization.k8s.io"


def _made_by(name: str, api: str, plural: str, *versions: str) -> Kind:
    return Kind(name, Group.WORKLOADS, api, plural, _maker, versions, custom=True)


def _spire_agent(name: str, labels: str) -> Kind:
    return Kind(name, Group.WORKLOADS, "", "pods", spire_agent_pod, namespaced=False, labels=labels, of_nodes=True)


def _cilium(name: str, plural: str, *, namespaced: bool) -> Kind:
    return Kind(
        name,
        Group.NETWORK,
        "cilium.io",
        plural,
        _name_only,
        versions=("v2", "v2alpha1"),
        namespaced=namespaced,
        custom=True,
        selector=of_cilium_policy,
    )


def _admin(name: str, plural: str, version: str) -> Kind:
    return Kind(
        name,
        Group.NETWORK,
        "policy.networking.k8s.io",
        plural,
        _name_only,
        versions=(version,),
        namespaced=False,
        custom=True,
        selector=of_admin_policy,
    )


def kinds(workload: Reduce) -> tuple[Kind, ...]:
    """All of them; `workload` keeps what is needed of a Deployment and its like."""
    return (
        Kind("Deployment", Group.WORKLOADS, "apps", "deployments", workload),
        Kind("StatefulSet", Group.WORKLOADS, "apps", "statefulsets", workload),
        Kind("DaemonSet", Group.WORKLOADS, "apps", "daemonsets", workload),
        Kind("Rollout", Group.WORKLOADS, "argoproj.io", "rollouts", workload, ("v1alpha1",), custom=True),
        Kind(
            "ControlPlanePod",
            Group.WORKLOADS,
            "",
            "pods",
            control_plane_pod,
            namespaced=False,
            within="kube-system",
            labels="component=kube-apiserver",
        ),
        _spire_agent("SpireAgentPod", "app=spire-agent"),
        _spire_agent("SpireAgentPodOfChart", "app.kubernetes.io/name in (agent,spire-agent)"),
        Kind("LimitRange", Group.WORKLOADS, "", "limitranges", _with_spec),
        _made_by("ExternalSecret", "external-secrets.io", "externalsecrets", "v1", "v1beta1", "v1alpha1"),
        _made_by("Certificate", "cert-manager.io", "certificates", "v1"),
        _made_by("VaultStaticSecret", "secrets.hashicorp.com", "vaultstaticsecrets", "v1beta1"),
        _made_by("VaultDynamicSecret", "secrets.hashicorp.com", "vaultdynamicsecrets", "v1beta1"),
        _made_by("VaultPKISecret", "secrets.hashicorp.com", "vaultpkisecrets", "v1beta1"),
        _made_by("SealedSecret", "bitnami.com", "sealedsecrets", "v1alpha1"),
        _made_by("SecretProviderClass", "secrets-store.csi.x-k8s.io", "secretproviderclasses", "v1", "v1alpha1"),
        Kind("NetworkPolicy", Group.NETWORK, "networking.k8s.io", "networkpolicies", _with_spec, selector=of_policy),
        Kind("EndpointSlice", Group.NETWORK, "discovery.k8s.io", "endpointslices", _endpoints, judged=False),
        _cilium("CiliumNetworkPolicy", "ciliumnetworkpolicies", namespaced=True),
        _cilium("CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies", namespaced=False),
        _admin("AdminNetworkPolicy", "adminnetworkpolicies", "v1alpha1"),
        _admin("BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies", "v1alpha1"),
        _admin("ClusterNetworkPolicy", "clusternetworkpolicies", "v1alpha2"),
        Kind("Role", Group.RBAC, _RBAC, "roles", _role),
        Kind("RoleBinding", Group.RBAC, _RBAC, "rolebindings", _binding),
        Kind("ClusterRole", Group.RBAC, _RBAC, "clusterroles", _role, namespaced=False),
        Kind("ClusterRoleBinding", Group.RBAC, _RBAC, "clusterrolebindings", _binding, namespaced=False),
        Kind(
            "ClusterFederatedTrustDomain",
            Group.SPIRE,
            "spire.spiffe.io",
            "clusterfederatedtrustdomains",
            _trust_domain,
            ("v1alpha1",),
            namespaced=False,
            custom=True,
        ),
    )
