"""What of a pod decides which ClusterSPIFFEID objects are about it? Kept once for all pods that are alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from watcher.kube.objects import Raw
from watcher.kube.selectors import LONGEST_KEY

MOST_LABELS = 64
LONGEST_VALUE, LONGEST_ANNOTATION = 63, 2100
"""Characters. Kubernetes takes no longer labels; a longer annotation fits no SPIFFE ID."""

_Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PodLabels:
    """All labels, and those annotations that templates name."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    named: frozenset[str]  # the annotations that were looked for
    excess: bool = False  # there are more labels than are kept


def read_labels(meta: Raw, named: frozenset[str]) -> PodLabels:
    """Of an object's metadata; equal ones are the same object."""
    labels = {str(key): str(value) for key, value in (meta.get("labels") or {}).items()}
    annotations = meta.get("annotations") or {}
    found = ((name, str(annotations[name])[:LONGEST_ANNOTATION]) for name in sorted(named) if name in annotations)
    excess = len(labels) > MOST_LABELS or not all(map(_fits, labels.items()))
    return _shared(() if excess else tuple(sorted(labels.items())), tuple(found), named, excess)


@lru_cache(maxsize=1024)
def _shared(labels: _Pairs, annotations: _Pairs, named: frozenset[str], excess: bool) -> PodLabels:
    return PodLabels(dict(labels), dict(annotations), named, excess)


def _fits(label: tuple[str, str]) -> bool:
    return len(label[0]) <= LONGEST_KEY and len(label[1]) <= LONGEST_VALUE
