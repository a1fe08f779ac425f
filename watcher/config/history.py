"""How long is it kept what was true of agents on each day? The section `checklist.history` of the config."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from probes.contract import Bytes, Seconds, say_duration
from watcher.config.changes import checked_room

_DAY = 86400.0


def _keep(seconds: float) -> float:
    if not _DAY <= seconds <= 4000 * _DAY:
        raise ValueError(f"expected a duration from 1d to 4000d, got {say_duration(seconds)}")
    return seconds


class HistorySettings(BaseModel):
    """How long daily snapshots of all findings are kept, and in how much room."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep: Annotated[Seconds, AfterValidator(_keep)] = Field(
        default=400 * _DAY, description="how long the snapshot of a day is kept, from 1d to 4000d"
    )
    max_bytes: Annotated[Bytes, AfterValidator(checked_room)] = Field(
        default=32 << 20, description="room of their database in state_dir, the oldest days go first"
    )
