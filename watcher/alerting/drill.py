"""Would an alert arrive? A test alert of each severity goes to the real Alertmanager, is read back, and is ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from probes.contract import say_duration
from watcher.alerting.alertmanager import Alertmanager, AlertmanagerError, Shown, open_client
from watcher.alerting.delivery import Counters
from watcher.alerting.drill_delivery import Delivery, Told
from watcher.alerting.files import DASHBOARD_URL, RUNBOOK_URL
from watcher.text.printable import printable

SEVERITIES = ("critical", "warning")

PATIENCE = 10.0
"""Seconds in which an alert must arrive, and then as many in which it must be gone."""

_LASTS = timedelta(minutes=5)
_AGAIN = 0.2
_CLOCKS_DIFFER = 60.0


@dataclass(frozen=True, slots=True)
class Drilled:
    """How the test alert of one severity fared."""

    severity: str
    receivers: tuple[str, ...]  # whom it was routed to
    trouble: str  # why it would not have been told; empty where nothing speaks against it
    said: str = field(default="", compare=False)  # what is known of its delivery, a few words


@dataclass(slots=True)
class Memory:
    """What a drill leaves to the next one: Alertmanager's counters as they were."""

    counters: Counters | None = None


async def drill(
    url: str,
    patience: float = PATIENCE,
    *,
    deliver: float | None = None,
    memory: Memory | None = None,
    runbooks: str | None = None,
) -> list[Drilled]:
    """Send a test alert of each severity to the Alertmanager at `url`, read it back, end it.

    `patience`: seconds that it has to show the alert, and again to end it. `deliver`: the alerts are to be notified,
    and this is how many seconds it may take; None: they are over before. Whether it passes on what it takes is told
    by its own counters: since those in `memory`, else since it started. `runbooks`: what links to them begin with.
    """
    async with await asyncio.to_thread(open_client, url) as client:
        link = f"{(runbooks or RUNBOOK_URL).rstrip('/')}/AgentWeaveDrillMissed"
        ones = [_One(Alertmanager(url, client), severity, patience, deliver, link) for severity in SEVERITIES]
        delivery = Delivery(Alertmanager(url, client), patience, memory.counters if memory else None)
        if deliver is not None:
            await delivery.begin()
        drilled = await asyncio.gather(*(one.arrive() for one in ones))
        if deliver is not None and (routed := _routed(drilled)):
            told = await delivery.wait(routed, deliver)
        ended = await asyncio.gather(*(one.end(each) for one, each in zip(ones, drilled, strict=True)))
        if deliver is None and (routed := _routed(ended)):
            told = await delivery.judge(routed)
        if memory is not None:
            memory.counters = delivery.newest or memory.counters
        return [_with(url, each, told[each.receivers]) if not each.trouble else each for each in ended]


def _routed(drilled: Sequence[Drilled]) -> list[tuple[str, ...]]:
    return [each.receivers for each in drilled if not each.trouble]


def _with(url: str, drilled: Drilled, told: Told) -> Drilled:
    names = ", ".join(drilled.receivers)
    trouble = f"{url} took the alert, routed to {names}, but {told.trouble}" if told.trouble else ""
    return replace(drilled, trouble=printable(trouble), said=printable(told.said))


class _One:
    """The test alert of one severity."""

    def __init__(
        self, alertmanager: Alertmanager, severity: str, patience: float, deliver: float | None, link: str
    ) -> None:
        """`patience`: seconds for each of its two steps; `link`: to its runbook."""
        self._link = link
        self._alertmanager, self._severity, self._patience = alertmanager, severity, patience
        self._id, self._notifies = str(uuid4()), deliver is not None
        self._lasts = _LASTS + timedelta(seconds=deliver or 0.0)
        self._doing = ""  # what Alertmanager does if the time runs out now
        self._shown: Shown | None = None

    async def arrive(self) -> Drilled:
        """Send it and read it back."""
        try:
            async with asyncio.timeout(self._patience):
                self._shown = shown = await self._arrive()
        except TimeoutError:
            return self._drilled((), self._late())
        except AlertmanagerError as error:
            return self._drilled((), str(error))
        return self._drilled(shown.receiver_names, _trouble(shown))

    async def end(self, drilled: Drilled) -> Drilled:
        """End it, where it arrived; what was known of it before, and whether it ended."""
        if self._shown is None:
            return drilled
        try:
            async with asyncio.timeout(self._patience):
                await self._end(self._shown)
        except TimeoutError:
            return drilled if drilled.trouble else self._drilled(drilled.receivers, self._late())
        except AlertmanagerError as error:
            return drilled if drilled.trouble else self._drilled(drilled.receivers, str(error))
        return drilled

    def _drilled(self, receivers: Sequence[str], trouble: str) -> Drilled:
        said = trouble and printable(f"{self._alertmanager.url} {trouble}")
        return Drilled(self._severity, tuple(receivers), said)

    def _late(self) -> str:
        return f"{self._doing} within {self._patience:g}s{self._clocks()}"

    async def _arrive(self) -> Shown:
        self._doing = "does not answer"
        now = datetime.now(UTC)
        await self._alertmanager.send(self._alert(now, now + self._lasts))
        self._doing = "took the alert, but does not show it"
        shown = await self._find()
        while shown is None or shown.status.state == "unprocessed":
            await asyncio.sleep(_AGAIN)
            shown = await self._find()
        return shown

    async def _end(self, shown: Shown) -> None:
        self._doing = "showed the alert, but does not end it"
        # Its own time: by a clock of ours that is ahead, the alert would go on for as long.
        await self._alertmanager.send(self._alert(shown.updated_at, shown.updated_at))
        goes_on = await self._find()
        while goes_on:
            await asyncio.sleep(_AGAIN)
            goes_on = await self._find()

    async def _find(self) -> Shown | None:
        return await self._alertmanager.find("drill_id", self._id)

    def _alert(self, starts_at: datetime, ends_at: datetime) -> dict[str, object]:
        # By this label routes keep the silent ones back, and not those that are meant to be notified.
        kind = "deliver" if self._notifies else "true"
        labels = {"severity": self._severity, "drill": kind, "component": "drill", "drill_id": self._id}
        aim = "reaches you" if self._notifies else "arrives"
        return {
            "labels": {"alertname": "AgentWeaveDrill", **labels},
            "annotations": {
                "summary": "This is a drill: nothing is wrong.",
                "description": f"The AgentWeave watcher tests whether an alert of severity {self._severity} {aim}. "
                "Nothing has to be done; it ends by itself.",
                "runbook_url": self._link,
                "dashboard_url": f"{DASHBOARD_URL}agentweave-watcher",
            },
            "startsAt": starts_at.isoformat(),
            "endsAt": ends_at.isoformat(),  # so that it ends by itself, should we not live to end it
        }

    def _clocks(self) -> str:
        ahead = self._alertmanager.ahead
        if abs(ahead) < _CLOCKS_DIFFER:
            return ""
        return f" (its clock is {say_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} ours)"


def _trouble(shown: Shown) -> str:
    if not shown.receivers:
        return "routes the alert to no receiver"
    if shown.kept_back:
        names = ", ".join(shown.receiver_names)
        return f"notifies nobody of the alert: {shown.kept_back} (it would go to: {names})"
    return ""
