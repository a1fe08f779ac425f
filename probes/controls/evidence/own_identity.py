"""The watcher's own SVID and trust bundles."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OwnWorkload:
    """Source `workload_api`, where the watcher has a Workload API."""

    trouble: str = ""  # why there is no valid SVID, or none that was confirmed lately; empty where there is
    silent: bool = False  # the trouble is that nobody answers at the socket: not one of the watcher's registration
    trust_domains: tuple[str, ...] = ()  # the agent's own, by the SPIFFE IDs that it should serve; else the watcher's
    bundles: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Trust domain -> when each of its authorities ends, Unix seconds; of the last answer."""
    confirmed: bool = True  # that answer is what the Workload API says now, by the last few minutes
