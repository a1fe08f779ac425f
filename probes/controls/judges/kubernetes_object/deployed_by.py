"""Which tool keeps an object as it is, by the marks that it leaves there?"""

from probes.controls.evidence import KubeObject
from probes.controls.judges.kubernetes_object.case import mapping

_TOOLS = {
    "Helm": ("meta.helm.sh/release-name", "helm.sh/chart"),
    "Argo CD": ("argocd.argoproj.io/instance", "argocd.argoproj.io/tracking-id"),
    "Flux": ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"),
}

_MANAGED_BY = "app.kubernetes.io/managed-by"
MARKS = frozenset({_MANAGED_BY, *(key for keys in _TOOLS.values() for key in keys)})
"""All labels and annotations that tell."""


def tool_of(found: KubeObject) -> str:
    """`Helm`, `Argo CD` or `Flux` by its marks on the object; empty where it has none."""
    meta = mapping(found.body.get("metadata"))
    marks = {**mapping(meta.get("labels")), **mapping(meta.get("annotations"))}
    if marks.get(_MANAGED_BY) == "Helm":
        return "Helm"
    return next((tool for tool, keys in _TOOLS.items() if any(key in marks for key in keys)), "")
