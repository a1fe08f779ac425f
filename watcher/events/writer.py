"""How does an Event get into Kubernetes, and what if it does not? Nothing waits for it."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal

import httpx

from watcher.events.event import Event, name_of, new_object, series
from watcher.events.queue import MOST, Bucket, EventQueue, Holds
from watcher.kube.access import Access
from watcher.kube.errors import AccessError, GoneError, RefusedError, in_words
from watcher.kube.requests import send_object
from watcher.metrics.families import EVENTS
from watcher.metrics.own import OwnMetrics

log = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds of a call."""

MAX_ANSWER = 64 * 1024
"""Bytes: an Event of ours is 2 kB, and managedFields may be as much again."""

LONGEST_AWAY, LONGEST_FORBIDDEN = 30.0, 300.0
"""Seconds between two tries: an API server comes back by itself, a right is given by a person."""

_LONGEST_ASKED = 60.0  # of a Retry-After
_TERMINATING = "because it is being terminated"  # pkg/admission/plugin/namespace/lifecycle


class EventWriter:
    """Writes what waits in a queue, one after the other, as fast as the bucket allows."""

    def __init__(
        self,
        access: Access,
        queue: EventQueue,
        own_metrics: OwnMetrics,
        instance: str,
        is_active: Callable[[], bool],
        monotonic: Callable[[], float],
        uniform: Callable[[float, float], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`instance`: which watcher tells it. No Event is written while it is not active."""
        self._access, self._queue, self._own_metrics, self._instance = access, queue, own_metrics, instance
        self._is_active, self._sleep = is_active, sleep
        self._bucket = Bucket(monotonic)
        self._holds = Holds(monotonic, uniform)
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()  # by namespace and name: how often it was told
        self._logged: set[Literal["away", "forbidden"]] = set()
        self._logged_refused: set[str] = set()  # by condition
        for result in ("written", "failed", "dropped"):
            own_metrics.add(EVENTS, 0, result)

    async def write(self) -> None:
        """Write what waits and may be written now."""
        while self._is_active() and (event := self._next()) is not None:
            await self._sleep(self._bucket.take())
            if self._is_active():  # it may have been a while
                await self._write(event)

    def _next(self) -> Event | None:
        return None if self._holds.is_held("") else self._queue.take(self._holds.is_held)

    async def _write(self, event: Event) -> None:
        try:
            await self._send(event)
        except RefusedError as error:
            await self._refused(event, error)
        except AccessError as error:
            self._hold(event, str(error))
        except (GoneError, httpx.HTTPError, OSError, ValueError, RecursionError) as error:
            if isinstance(error, httpx.ConnectError):
                await self._renew()
            self._hold(event, in_words(error))
        else:
            self._own_metrics.add(EVENTS, 1, "written")
            self._answers(event.pod.namespace)

    async def _send(self, event: Event) -> None:
        count = self._counts.get(_key(event), 0)
        if count and await self._repeat(event, count + 1):
            return
        if await self._create(event):
            return
        if not await self._repeat(event, await self._earlier_count(event) + 1):
            await self._create(event)  # its hour ended this moment

    async def _create(self, event: Event) -> bool:
        """False: there is one of this name, of an earlier time or of an earlier process."""
        try:
            await self._call("POST", _path(event), new_object(event, self._instance))
        except RefusedError as error:
            if error.code == 409:
                return False
            raise
        self._remember(event, 1)
        return True

    async def _repeat(self, event: Event, count: int) -> bool:
        """False: it is gone, for Events are kept for an hour."""
        try:
            await self._call("PATCH", f"{_path(event)}/{name_of(event)}", series(count, event.observed))
        except RefusedError as error:
            if error.code == 404:
                self._counts.pop(_key(event), None)
                return False
            raise
        self._remember(event, count)
        return True

    async def _earlier_count(self, event: Event) -> int:
        """How often an earlier process told it. A patch that changes nothing, for the role does not let us read."""
        try:
            found = await self._call("PATCH", f"{_path(event)}/{name_of(event)}", {})
        except RefusedError as error:
            if error.code == 404:
                return 1
            raise
        count = (found.get("series") or {}).get("count")
        return count if isinstance(count, int) else 1

    async def _call(self, method: Literal["POST", "PATCH"], path: str, content: dict[str, Any]) -> dict[str, Any]:
        return await send_object(self._access, method, path, content, TIMEOUT, MAX_ANSWER)

    def _remember(self, event: Event, count: int) -> None:
        self._counts[_key(event)] = count
        self._counts.move_to_end(_key(event))
        if len(self._counts) > MOST:
            self._counts.popitem(last=False)

    async def _refused(self, event: Event, error: RefusedError) -> None:
        namespace, why = event.pod.namespace, str(error)
        if error.code == 404 or (
            error.code == 403 and _TERMINATING in error.why
        ):  # there is no such namespace any more
            self._answers(namespace)
            self._own_metrics.add(EVENTS, 1, "dropped")
        elif error.code == 403:
            self._hold(event, why, namespace)
        elif error.code in (0, 401, 409, 429) or error.code >= 500:
            if error.code == 401:
                await self._renew()
            self._hold(event, why, least=min(error.after, _LONGEST_ASKED))
        else:
            self._give_up(event, why)

    def _hold(self, event: Event, why: str, namespace: str = "", least: float = 0.0) -> None:
        """Try again later; nobody is asked meanwhile, or nobody of that namespace."""
        self._own_metrics.add(EVENTS, 1, "failed")
        if not self._queue.put_back(event):
            self._own_metrics.add(EVENTS, 1, "dropped")
        self._holds.hold(namespace, LONGEST_FORBIDDEN if namespace else LONGEST_AWAY, least)
        matter: Literal["away", "forbidden"] = "forbidden" if namespace else "away"
        if matter not in self._logged:
            self._logged.add(matter)
            log.warning("cannot write Events", extra={"namespace": event.pod.namespace, "why": why})

    def _answers(self, namespace: str) -> None:
        self._holds.free(["", namespace])
        held = self._holds.names()
        resolved = {"forbidden"} if not held - {""} else set()
        resolved |= {"away"} if "" not in held else set()
        if self._logged & resolved:
            self._logged -= resolved
            log.info("writing Events again", extra={"namespace": namespace})

    def _give_up(self, event: Event, why: str) -> None:
        self._own_metrics.add(EVENTS, 1, "failed")
        if event.place.condition not in self._logged_refused:
            self._logged_refused.add(event.place.condition)
            log.error("Event rejected by the API server", extra={"condition": event.place.condition, "why": why})

    async def _renew(self) -> None:
        with suppress(AccessError):  # the next call says so
            await self._access.renew()


def _path(event: Event) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{event.pod.namespace}/events"


def _key(event: Event) -> tuple[str, str]:
    return event.pod.namespace, name_of(event)
