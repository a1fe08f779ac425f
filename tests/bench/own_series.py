"""The daemon's series about itself, read from its page of 50 MB without parsing all of it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

PREFIX = "agentweave_watcher_"


def samples(page: bytes, name: str) -> Iterator[Sample]:
    """The samples with exactly this name, without the prefix."""
    wanted = b"\n" + (PREFIX + name).encode()
    at = page.find(wanted)
    while at >= 0:
        line = page[at + 1 : page.index(b"\n", at + 1)]
        if line[len(wanted) - 1 : len(wanted)] in (b"{", b" "):
            for family in text_string_to_metric_families(line.decode() + "\n"):
                yield from family.samples
        at = page.find(wanted, at + 1)


def looks(page: bytes) -> dict[tuple[str, str], float]:
    """Looks made, by source and result."""
    return {(each.labels["source"], each.labels["result"]): each.value for each in samples(page, "looks_total")}


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative counts by upper bound."""

    counts: Mapping[float, float]

    @classmethod
    def read(cls, page: bytes, name: str) -> "Histogram":
        """All label sets of the histogram together."""
        counts: dict[float, float] = {}
        for each in samples(page, f"{name}_bucket"):
            bound = float(each.labels["le"])
            counts[bound] = counts.get(bound, 0) + each.value
        return cls(dict(sorted(counts.items())))

    def since(self, before: "Histogram") -> "Histogram":
        """What was observed after `before`."""
        return Histogram({bound: count - before.counts.get(bound, 0) for bound, count in self.counts.items()})

    def quantile(self, share: float) -> float:
        """As Prometheus' histogram_quantile: linear within a bucket; NaN without observations."""
        total = max(self.counts.values(), default=0)
        low, below = 0.0, 0.0
        for bound, count in self.counts.items():
            if total and count >= share * total:
                if math.isinf(bound):
                    return low
                return low + (bound - low) * (share * total - below) / (count - below) if count > below else low
            low, below = bound, count
        return math.nan

    def most(self) -> float:
        """The bound of the highest bucket that has an observation: nothing took longer."""
        total = max(self.counts.values(), default=0)
        return next((bound for bound, count in self.counts.items() if total and count >= total), math.nan)
