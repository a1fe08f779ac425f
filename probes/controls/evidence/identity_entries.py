"""Which registration entries give a pod its identity, by the objects that SPIRE's controller manager makes them of."""

from dataclasses import dataclass
from typing import NamedTuple


class IdentityEntry(NamedTuple):
    """One ClusterSPIFFEID that selects the pod."""

    name: str
    names_namespace: bool  # it selects by namespace
    names_workload: bool  # it selects by labels of pods, or by service account


@dataclass(frozen=True, slots=True)
class IdentityEntries:
    """Source `cluster_spiffe_id`, of each pod: all of them, as far as nothing is unread."""

    entries: tuple[IdentityEntry, ...]
    unread: str = ""  # why there may be more or others, a part of a sentence
