"""What Alertmanager is told to do with alerts, and what came of its notifications over the last day."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from math import inf
from typing import NamedTuple

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AlertmanagerLook, Missing, Seen
from probes.controls.evidence.alertmanager import Route, Way
from watcher.alerting.alertmanager import Alertmanager, AlertmanagerError, open_client
from watcher.alerting.delivery import Counters, Integration, Sent, read_config, read_counters, read_start, receivers_of
from watcher.alerting.routes import read_route
from watcher.runtime.failures import FailuresLogger
from watcher.text.printable import printable

_logger = FailuresLogger(logging.getLogger(__name__))
_PATIENCE = 15.0
_DAY, _HOUR = 86400.0, 3600.0
_KEPT = 900.0
"""Seconds for which what was told is kept while it cannot be asked: the catalogue takes it for too old then."""

_MOST_RECEIVERS = 100
_NOT_YET = Missing(UnknownReason.OBSERVING, "Alertmanager was not asked yet.")


class _Counted(NamedTuple):
    at: float  # steady seconds
    by_receiver: Mapping[str, Counters]


class AlertmanagerWitness:
    """One Alertmanager."""

    def __init__(self, url: str) -> None:
        """Nothing is asked yet."""
        self.url = url
        self.error: Missing | None = None
        self.asked = False
        self._look: AlertmanagerLook | None = None
        self._seen_at = -inf
        self._counted: deque[_Counted] = deque(maxlen=26)  # an hour apart

    @property
    def told(self) -> object:
        """What a judge may go by; it is the same while only figures move that no judge goes by."""
        if self._look is None:
            return self.error
        return self._look.route, tuple(self._look.receivers.items()), self._ways(), self.error

    async def ask(self, now: float, date: float) -> None:
        """Ask it; `now`: steady seconds, `date`: the same in Unix seconds. What fails is kept as an error."""
        self.asked = True
        try:
            async with asyncio.timeout(_PATIENCE), await asyncio.to_thread(open_client, self.url) as client:
                server = Alertmanager(self.url, client)
                given = (await server.status()).config.original
                route, receivers = await asyncio.to_thread(_read, given)
                page = await server.metrics()
        except TimeoutError:
            self.error = self._failed(UnknownReason.UNREACHABLE, "does not answer in time")
        except AlertmanagerError as error:
            forbidden = str(error).startswith(("answers 401", "answers 403"))
            self.error = self._failed(UnknownReason.FORBIDDEN if forbidden else UnknownReason.UNREACHABLE, str(error))
        except ValueError as error:
            self.error = self._failed(UnknownReason.UNPARSEABLE, str(error))
        else:
            self.error = None
            counted = _Counted(now, {name: read_counters(page, [name]) for name in receivers})
            names = {name: tuple(each.name for each in found) for name, found in receivers.items()}
            start = read_start(page)
            self._take(route, names, counted, new=start is not None and 0 <= date - start < _DAY)

    def now(self, now: float, date_of: Callable[[float], float]) -> Seen[object] | Missing:
        """What is known of it; `now`: steady seconds, `date_of`: of such a moment the Unix seconds."""
        lost = self.error is not None and now - self._seen_at > _KEPT
        if self._look is None or lost:
            return self.error or _NOT_YET
        return Seen(self._look, date_of(self._seen_at), f"alertmanager {self.url}")

    def _take(self, route: Route, receivers: Mapping[str, tuple[str, ...]], counted: _Counted, *, new: bool) -> None:
        """`new`: it began to count within the last day, so all that it counted is of that day."""
        while self._counted and counted.at - self._counted[0].at > _DAY:
            self._counted.popleft()
        before = _Counted(counted.at, {}) if new else self._counted[0] if self._counted else counted
        if not self._counted or counted.at - self._counted[-1].at >= _HOUR:
            self._counted.append(counted)
        ways = {}
        for name, found in receivers.items():
            past, present = before.by_receiver.get(name, {}), counted.by_receiver[name]
            ways[name] = tuple(_way(each, past, present) for each in sorted(set(found)))
        self._look = AlertmanagerLook(route, receivers, ways)
        self._seen_at = counted.at

    def _ways(self) -> tuple[object, ...]:
        if self._look is None:
            return ()
        every = self._look.ways.items()
        return tuple((name, each.integration, each.is_closed) for name, ways in every for each in ways)

    def _failed(self, reason: UnknownReason, why: str) -> Missing:
        _logger.warning("evidence not had", source="alertmanager")
        return Missing(reason, printable(f"Alertmanager at {self.url} {why}")[:300].rstrip(".") + ".")


def _read(config: str) -> tuple[Route, dict[str, tuple[Integration, ...]]]:
    document = read_config(config)
    receivers = receivers_of(document)
    if len(receivers) > _MOST_RECEIVERS:
        raise ValueError(f"its configuration has more than {_MOST_RECEIVERS} receivers")
    return read_route(document), receivers


def _way(integration: str, before: Counters, now: Counters) -> Way:
    sent = now.get(integration, Sent()).since(before.get(integration, Sent()))
    return Way(integration, sent.notifications, sent.failed)
