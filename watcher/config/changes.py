"""How much of the past is kept? The sections `changes` and `checklist.history` of the config."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from probes.contract import Bytes, Seconds, say_bytes, say_duration

_HOUR, _DAY = 3600.0, 86400.0
_LEAST, _MOST = 1 << 20, 16 << 30


def _keep(seconds: float) -> float:
    if not _HOUR <= seconds <= 400 * _DAY:
        raise ValueError(f"expected a duration from 1h to 400d, got {say_duration(seconds)}")
    return seconds


def _room(size: int) -> int:
    if not _LEAST <= size <= _MOST:
        raise ValueError(f"expected a size from 1Mi to 16Gi, got {say_bytes(size)}")
    return size


def _keep_days(seconds: float) -> float:
    if not _DAY <= seconds <= 4000 * _DAY:
        raise ValueError(f"expected a duration from 1d to 4000d, got {say_duration(seconds)}")
    return seconds


class ChangesSettings(BaseModel):
    """How long verdicts that turned are kept, and in how much room."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep: Annotated[Seconds, AfterValidator(_keep)] = Field(
        default=30 * _DAY, description="how long changes of verdicts are kept, from 1h to 400d"
    )
    max_bytes: Annotated[Bytes, AfterValidator(_room)] = Field(
        default=64 << 20,
        description="size limit of their database in state_dir; the oldest are deleted first; without state_dir: 4Mi "
        "of memory",
    )


class HistorySettings(BaseModel):
    """How long daily snapshots of all findings are kept, and in how much room."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep: Annotated[Seconds, AfterValidator(_keep_days)] = Field(
        default=400 * _DAY, description="how long a snapshot is kept, from 1d to 4000d"
    )
    max_bytes: Annotated[Bytes, AfterValidator(_room)] = Field(
        default=32 << 20, description="size limit of their database in state_dir; the oldest days are deleted first"
    )
