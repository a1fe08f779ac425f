"""What an mTLS port served over time: since when SVIDs, how early one was replaced, and when there was none."""

from dataclasses import dataclass, replace

from probes.readings.certificate import Leaf
from probes.readings.handshake import Handshake, Spoke

_PLAIN = (Spoke.PLAINTEXT_HTTP, Spoke.OTHER)
_SCHEME = "spiffe://"


@dataclass(frozen=True, slots=True)
class Served:
    """Of one target; moments in seconds that only time moves."""

    since: float | None = None  # when an SVID was first seen
    left: float | None = None  # part of the old lifetime that was left when the newest one was first seen in its place
    without: tuple[float, float] | None = None  # the last looks in a row that were answered without one: first and last
    ongoing: bool = False  # the newest look was one of these

    def looked(self, reading: Handshake, now: float) -> "Served":
        """With one more look in it, at `now`; nearly always the same object. Silence says nothing."""
        if not reading.asked or (reading.leaf is None and reading.spoke not in _PLAIN):
            return self
        if not is_svid(reading.leaf):
            first = self.without[0] if self.ongoing and self.without else now
            return replace(self, without=(first, now), ongoing=True)
        if self.since is None or self.ongoing:
            return replace(self, since=now if self.since is None else self.since, ongoing=False)
        return self

    def rotated(self, dates: tuple[float, float], date: float) -> "Served":
        """Another one is served at `date` in place of the one of these dates; all in Unix seconds."""
        lifetime = dates[1] - dates[0]
        return replace(self, left=(dates[1] - date) / lifetime if lifetime > 0 else None)


NOTHING_SERVED = Served()


def is_svid(leaf: Leaf | None) -> bool:
    """Whether this names a SPIFFE ID at all."""
    return leaf is not None and any(uri.startswith(_SCHEME) for uri in leaf.uris)
