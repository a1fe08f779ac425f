"""Which rules of RBAC let somebody read Secrets."""

from collections.abc import Mapping

from probes.controls.judges.kubernetes_object.case import texts

KNOWN_ROLES = frozenset({"cluster-admin", "admin", "edit"})
"""ClusterRoles of Kubernetes itself that may read Secrets."""

_READS = frozenset({"get", "list", "watch", "*"})


def reads_secrets(rule: Mapping[str, object]) -> bool:
    """Whether this rule of a Role or ClusterRole does."""
    groups, resources = texts(rule.get("apiGroups")), texts(rule.get("resources"))
    core = "" in groups or "*" in groups
    return core and ("secrets" in resources or "*" in resources) and bool(_READS & set(texts(rule.get("verbs"))))
