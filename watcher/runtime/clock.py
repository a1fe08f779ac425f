"""Two scales of time: one that nobody sets, for ages, windows and schedules; and the date, which somebody may set."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

JUMP = 5.0
"""Seconds by which the date must move against the other scale to be a jump."""

_STEP = 0.5  # seconds: what is less is left, so that exported moments do not waver
_AT_ONCE = 0.01  # seconds between two readings that belong together; a process may be stopped between them
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Scale(NamedTuple):
    """What the next process must know to go on counting where this one stopped."""

    boot: str  # of the machine; empty: not known
    zero: float  # what the steady scale is ahead of the seconds since that boot
    steady: float  # when this was written, on the steady scale
    ahead: float  # what the date was ahead of it then


def since_boot() -> float:
    """Seconds that the machine is up, also those in which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Which start of the machine this is; empty where it does not tell."""
    with suppress(OSError):
        return _BOOT_ID.read_text().strip()
    return ""


class Clock:
    """Steady seconds begin at the date of the first start; the date may then move away from them, forward or back."""

    def __init__(
        self, wall: Callable[[], float], uptime: Callable[[], float], boot: str = "", before: Scale | None = None
    ) -> None:
        """`wall`: Unix seconds; `uptime`: seconds of a clock that nobody sets; `before`: where another process was."""
        self.wall, self._uptime, self._boot = wall, uptime, boot
        self._zero = self._begin(before)
        self.ahead = self._told = wall() - self.steady()  # seconds that the date is ahead of the steady scale
        if before is not None and self._zero == before.zero:
            self._told = before.ahead  # a jump while nobody ran is one too

    def steady(self) -> float:
        """Seconds that only time moves; like Unix seconds as long as nobody sets the clock."""
        return self._uptime() + self._zero

    def date_of(self, steady: float) -> float:
        """The Unix seconds of a moment of the steady scale, by the date as it is set now."""
        return steady + self.ahead

    def notice(self) -> float:
        """By how many seconds the date has jumped since the last time that this was told; 0 where it has not."""
        ahead = self._measure()
        if ahead is not None and abs(ahead - self.ahead) >= _STEP:
            self.ahead = ahead
        jump = self.ahead - self._told
        if abs(jump) <= JUMP:
            return 0.0
        self._told = self.ahead
        return jump

    @property
    def scale(self) -> Scale:
        """For the next process."""
        return Scale(self._boot, self._zero, self.steady(), self._told)

    def _begin(self, before: Scale | None) -> float:
        uptime, wall = self._uptime(), self.wall()
        if before is None:
            return wall - uptime
        if before.boot and before.boot == self._boot and uptime + before.zero >= before.steady:
            return before.zero
        # Another machine, or another start of it: only its date tells how long nobody ran, and it was not less than 0.
        return max(wall - before.ahead, before.steady) - uptime

    def _measure(self) -> float | None:
        before, wall, after = self.steady(), self.wall(), self.steady()
        return wall - (before + after) / 2 if after - before < _AT_ONCE else None


system_clock = partial(Clock, time.time, since_boot)
"""The clocks of this machine."""
