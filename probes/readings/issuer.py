"""The certificates above a served leaf, as far as judges ask for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from probes.contract.units import utc


class Lifetime(NamedTuple):
    """From notBefore to notAfter, Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is; zero or negative where the certificate is nonsense."""
        return self.end - self.start

    def left(self, now: float) -> float:
        """The part of it, 0 to 1, that is left at `now`, Unix seconds; only of one that is longer than nothing."""
        return (self.end - now) / self.seconds


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate on the path from the leaf to the trust bundle."""

    serial: str  # hexadecimal
    lifetime: Lifetime
    authority: bool = False  # it stands in the trust bundle; else it was served
    longest: Lifetime | None = None  # of an authority: that of the one in the bundle that ends last

    def evidence(self) -> Mapping[str, object]:
        """As JSON values."""
        return {
            "serial": self.serial,
            "in_bundle": self.authority,
            "not_before": utc(self.lifetime.start),
            "not_after": utc(self.lifetime.end),
        }
