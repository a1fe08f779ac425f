"""What is remembered of the SVIDs that one mTLS port served."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from probes.contract import Limits, Metric, Seconds
from probes.history.served import NOTHING_SERVED, Served


class SvidLimits(Limits):
    """When a served SVID is trouble. SPIRE rotates when 45 to 55 % of the lifetime remain."""

    rotation_overdue_ratio: float = Field(default=0.40, gt=0, lt=1, description="of the lifetime should remain")
    expiry_imminent_ratio: float = Field(default=0.20, gt=0, lt=1, description="of the lifetime should remain")
    clock_skew: Seconds = Field(default=60.0, ge=0, description="tolerance for certificates that are not valid yet")


NOT_BEFORE = Metric(name="svid_not_before_timestamp_seconds", help="When the served SVID became valid.")
NOT_AFTER = Metric(name="svid_not_after_timestamp_seconds", help="When the served SVID expires.")


@dataclass(frozen=True, slots=True)
class SvidHistory:
    """The newest SVID that was seen served."""

    serial: str = ""
    dates: tuple[float, float] = (0.0, 0.0)  # its notBefore and notAfter in Unix seconds
    last_rotation: float | None = None  # in seconds that only time moves
    rotations: Annotated[int, Field(exclude=True)] = 0
    served: Served = NOTHING_SERVED
