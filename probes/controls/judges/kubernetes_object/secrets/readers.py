"""Who may read the Secrets of the agent's namespace."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import EvidenceSet, KubeObject, Listing, Missing
from probes.controls.judges.kubernetes_object.case import (
    OBJECT,
    bad,
    good,
    lacking,
    mapping,
    mappings,
    objects_of,
    short,
    unclear,
)
from probes.controls.judges.kubernetes_object.secrets.reading_roles import KNOWN_ROLES, reads_secrets
from probes.controls.judging import Facts, Statement, judge

_BUILT_IN = (
    "system:masters",
    "system:nodes",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:serviceaccount:kube-system:*",
    "system:serviceaccount:cert-manager:*",
    "system:serviceaccount:external-secrets:*",
    "system:serviceaccount:argocd:*",
    "system:serviceaccount:flux-system:*",
)
"""Controllers of Kubernetes, and common ones whose work it is."""


@judge("deployment.secrets.rbac-configured", of=[OBJECT])
def secret_readers(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Only agents, built-in controllers and those whom `facts.secret_readers` names may."""
    objects = objects_of(evidence)
    parts: dict[str, Listing] = {}
    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        found = objects.listing(kind)
        parts[kind] = Listing((), found) if isinstance(found, Missing) else found.value
    roles = {(kind, each.name): each for kind in ("Role", "ClusterRole") for each in parts[kind].objects}
    unsure = ""
    for binding in (*parts["RoleBinding"].objects, *parts["ClusterRoleBinding"].objects):
        if _gives_secrets(binding, roles):
            for subject in _strangers(binding, facts):
                if _may_be_agent(subject, facts):
                    unsure = unsure or subject
                    continue
                told = f"{short(subject)} may read Secrets, by {binding.kind} {short(binding.name)}."
                yield bad(told, binding.ref)
    if lacks := next((each.lacks for each in parts.values() if each.lacks), None):
        yield lacking(lacks)
    elif unsure:
        told = f"{short(unsure)} may read Secrets, and it is not known yet whether an agent runs as this account."
        yield unclear(UnknownReason.UNREACHABLE, told)
    else:
        yield good("Only agents and known controllers may read Secrets of the namespace.")


def _gives_secrets(binding: KubeObject, roles: Mapping[tuple[str, str], KubeObject]) -> bool:
    ref = mapping(binding.body.get("roleRef"))
    kind, name = str(ref.get("kind")), str(ref.get("name"))
    role = roles.get((kind, name))
    if role is None:
        return kind == "ClusterRole" and name in KNOWN_ROLES
    return any(map(reads_secrets, mappings(role.body.get("rules"))))


def _strangers(binding: KubeObject, facts: Facts) -> Iterator[str]:
    known = (*_BUILT_IN, *facts.secret_readers)
    for subject in mappings(binding.body.get("subjects")):
        name = str(subject.get("name"))
        if subject.get("kind") == "ServiceAccount":
            name = f"system:serviceaccount:{subject.get('namespace') or binding.namespace}:{name}"
        if name not in facts.agent_accounts and not any(fnmatchcase(name, pattern) for pattern in known):
            yield name


def _may_be_agent(name: str, facts: Facts) -> bool:
    of_namespace = f"{name.rpartition(':')[0]}:*"
    is_account = name.startswith("system:serviceaccount:")
    return is_account and not facts.unsure_accounts.isdisjoint((name, of_namespace, "system:serviceaccount:*"))
