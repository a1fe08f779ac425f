"""Does a test alert get any further than to Alertmanager? Asked of its counters, before and after."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from probes.contract import say_duration
from watcher.alerting.alertmanager import Alertmanager, AlertmanagerError
from watcher.alerting.delivery import (
    Counters,
    Integration,
    Receivers,
    closed,
    failed,
    missing,
    read_counters,
    read_receivers,
)

_AGAIN = 0.5
_NOTHING: Counters = {}

Names = tuple[str, ...]
"""The receivers that one alert is routed to."""


@dataclass(frozen=True, slots=True)
class Told:
    """What Alertmanager's counters say of the way behind it."""

    trouble: str = ""  # why nobody is told; empty where nothing speaks against it
    said: str = ""


class Delivery:
    """The way from one Alertmanager to people, for one drill."""

    def __init__(self, alertmanager: Alertmanager, patience: float, before: Counters | None) -> None:
        """`patience`: seconds for what it says of itself; `before`: its counters at an earlier drill."""
        self._alertmanager, self._patience = alertmanager, patience
        self._before = _NOTHING if before is None else before
        self._receivers: Receivers = {}
        self._peers = 0
        self._unread = ""
        self.newest: Counters | None = None

    async def begin(self) -> None:
        """Note the counters as they are before the alerts are sent."""
        await self._read_all()
        self._before = self.newest or _NOTHING

    async def judge(self, routed: Sequence[Names]) -> Mapping[Names, Told]:
        """By what it passed on of other alerts: nobody was to be told of these."""
        await self._read_all()
        return {names: self._judged(names) for names in routed}

    async def wait(self, routed: Sequence[Names], patience: float) -> Mapping[Names, Told]:
        """Until as many notifications were taken as there are ways for the alerts, at most `patience` seconds."""
        every = self._used({name for names in routed for name in names})
        try:
            async with asyncio.timeout(patience):
                while not self._unread and missing(every, self._before, self.newest or _NOTHING):
                    if failed(every, self._before, self.newest or _NOTHING):
                        break
                    await asyncio.sleep(_AGAIN)
                    self.newest = await self._counters()
        except TimeoutError:
            pass
        except AlertmanagerError as error:
            self._unread = str(error)
        return {names: self._waited(names, every, patience) for names in routed}

    def _judged(self, names: Names) -> Told:
        if self._unread:
            return Told(said=f"whether it passes alerts on is not known: {self._unread}")
        used, now = self._used(names), self.newest or _NOTHING
        if sentences := closed(used, self._before, now):
            return Told("; ".join(sentences))
        partly = failed(used, self._before, now)
        return Told(said="; ".join([*partly, *self._silent(names)]) or "not delivered: --deliver tests that")

    def _waited(self, names: Names, every: Sequence[Integration], patience: float) -> Told:
        if self._unread:
            return Told(f"whether it was notified is not known: {self._unread}")
        used, now = self._used(names), self.newest or _NOTHING
        if not used:
            return Told("; ".join(self._silent(names)))
        if sentences := failed(used, self._before, now):
            return Told("; ".join(sentences))
        # Of two alerts by one integration the counters do not tell which was taken: both ways have to be.
        if lacking := sorted({each.name for each in used} & set(missing(every, self._before, now))):
            ways = ", ".join(lacking)
            others = f", or another of the {self._peers} members of its cluster has sent it" if self._peers > 1 else ""
            return Told(
                f"fewer notifications by {ways} were taken within {say_duration(patience)} than there are "
                f"ways for the alerts: the group_wait or group_interval of its route is longer{others}"
            )
        ways = ", ".join(sorted({each.name for each in used}))
        return Told(said="; ".join([f"notified by {ways}", *self._silent(names)]))

    def _used(self, names: Collection[str]) -> list[Integration]:
        return [each for name in sorted(set(names)) for each in self._receivers.get(name, ())]

    def _silent(self, names: Names) -> list[str]:
        return [f"{name} notifies nobody" for name in names if name in self._receivers and not self._receivers[name]]

    async def _read_all(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                status = await self._alertmanager.status()
                # In a thread: a configuration may be long, and looks go on meanwhile.
                self._receivers = await asyncio.to_thread(read_receivers, status.config.original)
                self._peers = len(status.cluster.peers)
                self.newest = await self._counters()
        except TimeoutError:
            self._unread = f"no answer within {self._patience:g}s"
        except (AlertmanagerError, ValueError) as error:
            self._unread = str(error)

    async def _counters(self) -> Counters:
        return read_counters(await self._alertmanager.metrics(), self._receivers)
