"""Would an alert arrive? A test alert of each severity goes to the real Alertmanager, is read back, and is ended."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from probes.contract import say_duration
from watcher.alerting.alertmanager import Alertmanager, AlertmanagerError, Shown, open_client
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
    trouble: str  # why it would not have been told; empty where it would


async def drill(url: str, patience: float = PATIENCE) -> list[Drilled]:
    """Send a test alert of each severity to the Alertmanager at `url`, read it back, end it.

    `patience`: seconds that it has to show the alert, and again to end it.
    """
    async with await asyncio.to_thread(open_client, url) as client:
        one_each = (_One(Alertmanager(url, client), severity, patience) for severity in SEVERITIES)
        return await asyncio.gather(*(one.run() for one in one_each))


class _One:
    """The test alert of one severity."""

    def __init__(self, alertmanager: Alertmanager, severity: str, patience: float) -> None:
        """`patience`: seconds for each of its two steps."""
        self._alertmanager, self._severity, self._patience = alertmanager, severity, patience
        self._id = str(uuid4())
        self._doing = ""  # what Alertmanager does if the time runs out now

    async def run(self) -> Drilled:
        receivers: tuple[str, ...] = ()
        trouble = ""
        try:
            async with asyncio.timeout(self._patience):
                shown = await self._arrive()
            receivers, trouble = shown.receiver_names, _trouble(shown)
            async with asyncio.timeout(self._patience):
                await self._end(shown)
        except TimeoutError:
            trouble = trouble or f"{self._doing} within {self._patience:g}s{self._clocks()}"
        except AlertmanagerError as error:
            trouble = trouble or str(error)
        return Drilled(self._severity, receivers, trouble and printable(f"{self._alertmanager.url} {trouble}"))

    async def _arrive(self) -> Shown:
        self._doing = "does not answer"
        now = datetime.now(UTC)
        await self._alertmanager.send(self._alert(now, now + _LASTS))
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
        labels = {"severity": self._severity, "drill": "true", "component": "drill", "drill_id": self._id}
        return {
            "labels": {"alertname": "AgentWeaveDrill", **labels},
            "annotations": {
                "summary": "This is a drill: nothing is wrong.",
                "description": f"The AgentWeave watcher tests whether an alert of severity {self._severity} arrives. "
                "Nothing has to be done; it ends by itself.",
                "runbook_url": "http://127.0.0.1:9847/runbooks/AgentWeaveDrillMissed",
                "dashboard_url": "http://127.0.0.1:3000/d/agentweave-watcher",
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
        return f"tells nobody of the alert: {shown.kept_back} (it would go to: {names})"
    return ""
