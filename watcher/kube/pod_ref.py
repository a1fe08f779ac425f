"""Which pod is meant? One, and not another that has its name later."""

from typing import NamedTuple


class PodRef(NamedTuple):
    """One pod of the cluster."""

    namespace: str
    name: str
    uid: str
