"""How much of the past is kept? The section `changes` of the config."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from probes.contract import Bytes, Seconds, say_bytes, say_duration

_HOUR, _DAY = 3600.0, 86400.0
_LEAST, _MOST = 1 << 20, 16 << 30


def _keep(seconds: float) -> float:
    if not _HOUR <= seconds <= 400 * _DAY:
        raise ValueError(f"expected a duration from 1h to 400d, got {say_duration(seconds)}")
    return seconds


def checked_room(size: int) -> int:
    """The same size, if a database may have it; else ValueError."""
    if not _LEAST <= size <= _MOST:
        raise ValueError(f"expected a size from 1Mi to 16Gi, got {say_bytes(size)}")
    return size


class ChangesSettings(BaseModel):
    """How long verdicts that turned are kept, and in how much room."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep: Annotated[Seconds, AfterValidator(_keep)] = Field(
        default=30 * _DAY, description="how long verdicts that turned are kept, from 1h to 400d"
    )
    max_bytes: Annotated[Bytes, AfterValidator(checked_room)] = Field(
        default=64 << 20,
        description="room of their database in state_dir, the oldest go first; without state_dir: 4Mi of memory",
    )
