"""What of all that was given concerns one agent? Its namespace, policies that select it, ConfigMaps that it names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Listing, Missing, Seen
from watcher.checklist.manifests.objects import Manifest
from watcher.checklist.manifests.workloads import AgentWorkload, ConfigMaps
from watcher.kube.selectors import Selector, SelectorError, read_selector, selects

NOT_ALL = Missing(UnknownReason.SOURCE_MISSING, "Only these manifests were read; a cluster may have more.")
_GROUPS = {
    "NetworkPolicy": "networking.k8s.io",
    "ExternalSecret": "external-secrets.io",
    "Certificate": "cert-manager.io",
    **dict.fromkeys(("VaultStaticSecret", "VaultDynamicSecret", "VaultPKISecret"), "secrets.hashicorp.com"),
    "SealedSecret": "bitnami.com",
    "SecretProviderClass": "secrets-store.csi.x-k8s.io",
    **dict.fromkeys(("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), "rbac.authorization.k8s.io"),
}
"""Of kinds that other API groups have too: a NetworkPolicy of Calico has another selector, and rules of its own."""

_MAKERS_OF_SECRETS = (
    "ExternalSecret",
    "Certificate",
    "VaultStaticSecret",
    "VaultDynamicSecret",
    "VaultPKISecret",
    "SealedSecret",
    "SecretProviderClass",
)
_OF_NAMESPACE = ("LimitRange", "Role", "RoleBinding", *_MAKERS_OF_SECRETS)
_OF_CLUSTER = ("ClusterRole", "ClusterRoleBinding")
_POLICY = "NetworkPolicy"
_REFERENCES = ("configMap", "configMapRef", "configMapKeyRef")


class Surroundings:
    """Objects by kind and namespace. What is the same for a whole namespace is gathered once."""

    def __init__(self, found: Iterable[Manifest], now: float) -> None:
        self._now = now
        self._by_place: defaultdict[tuple[str, str], list[Manifest]] = defaultdict(list)
        self._policies: defaultdict[str, list[tuple[Selector, Manifest]]] = defaultdict(list)
        self._known: dict[tuple[str, str], Seen[Listing]] = {}
        self._selected: dict[tuple[str, tuple[int, ...]], Seen[Listing]] = {}
        for each in (each for each in found if _GROUPS.get(each.kind, each.group) == each.group):
            self._by_place[each.kind, "" if each.kind in _OF_CLUSTER else each.namespace].append(each)
            if each.kind == _POLICY and (selector := _selector(each)) is not None:
                self._policies[each.namespace].append((selector, each))

    def of(self, agent: AgentWorkload, config_maps: ConfigMaps) -> dict[str, Seen[Listing]]:
        """The objects that concern this agent, by kind."""
        namespace = agent.workload.namespace
        return {
            **{kind: self._listing(kind, namespace) for kind in _OF_NAMESPACE},
            **{kind: self._listing(kind, "") for kind in _OF_CLUSTER},
            _POLICY: self._policies_of(namespace, agent.labels),
            "ConfigMap": self._config_maps(agent, config_maps),
        }

    def _listing(self, kind: str, namespace: str) -> Seen[Listing]:
        place = (kind, namespace)
        if place not in self._known:
            self._known[place] = self._seen(self._by_place.get(place, ()))
        return self._known[place]

    def _policies_of(self, namespace: str, labels: Mapping[str, str]) -> Seen[Listing]:
        """One listing for all agents that the same policies select: what judges read of it is read once."""
        given = self._policies.get(namespace, ())
        chosen = tuple([number for number, (selector, _) in enumerate(given) if selects(selector, labels)])
        if (namespace, chosen) not in self._selected:
            self._selected[namespace, chosen] = self._seen([given[number][1] for number in chosen])
        return self._selected[namespace, chosen]

    def _seen(self, found: Sequence[Manifest], lacks: Missing | None = NOT_ALL) -> Seen[Listing]:
        return Seen(Listing(tuple(found), lacks), self._now, found[0].ref if found else "")

    def _config_maps(self, agent: AgentWorkload, config_maps: ConfigMaps) -> Seen[Listing]:
        """Those that its pods mount or take variables from."""
        keys = [(agent.workload.namespace, name) for name in dict.fromkeys(config_map_names(agent.template.spec))]
        absent = [name for namespace, name in keys if (namespace, name) not in config_maps]
        told = (
            f"Of its ConfigMaps, {', '.join(absent[:3])} {'are' if len(absent) > 1 else 'is'} not among what was given."
        )
        lacks = Missing(UnknownReason.SOURCE_MISSING, told[:200]) if absent else None
        return self._seen([config_maps[key] for key in keys if key in config_maps], lacks)


def _selector(policy: Manifest) -> Selector | None:
    """Which pods it selects; None of one that Kubernetes would refuse, which selects nothing."""
    spec = policy.body.get("spec")
    try:
        return read_selector(spec.get("podSelector")) if isinstance(spec, Mapping) else None
    except SelectorError:
        return None


def config_map_names(spec: object) -> Iterator[str]:
    """The names of all ConfigMaps that a pod's spec refers to, wherever it does; what aliases repeat is read once."""
    stack: list[tuple[object, str]] = [(spec, "")]
    seen: set[tuple[int, str]] = set()
    while stack:
        value, key = stack.pop()
        if not isinstance(value, dict | list) or (id(value), key) in seen:
            continue
        seen.add((id(value), key))
        if isinstance(value, list):
            stack += [(each, "") for each in reversed(value)]
            continue
        name = value.get("name")
        if key in _REFERENCES and isinstance(name, str):
            yield name
        stack += [(each, inner) for inner, each in reversed(value.items())]
