"""How are the pods of one scope followed? Listed in small pages, then watched, and listed anew where that broke off."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from pydantic_core import from_json

from watcher.kube.access import Access
from watcher.kube.backoff import Backoff
from watcher.kube.errors import AccessError, GoneError, RefusedError, in_words
from watcher.kube.objects import MALFORMED_OBJECT, Raw
from watcher.kube.requests import StreamedResponse, answered_within, lines, read_all
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.failures import FailuresLogger

PAGE = 100
MAX_PAGE = 128 * 2**20
_LONGEST_ASKED = 60.0  # seconds of a Retry-After


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds."""

    connect: float = 5.0
    page: float = 30.0  # for a whole page
    idle: float = 75.0  # without a byte; bookmarks come every minute
    watch: tuple[float, float] = (300.0, 600.0)  # how long a watch is asked for: between these
    backoff: tuple[float, float] = (0.5, 30.0)  # first and longest wait after a failure
    short: float = 5.0  # a watch that ends sooner than this is a failure


class Listener(Protocol):
    """Who is notified of what is there."""

    def put(self, raw: Raw) -> None:
        """This object is there now, new or changed."""

    def remove(self, uid: str) -> None:
        """The object with this uid is gone."""

    def listed(self, uids: set[str]) -> None:
        """All that there is was put; what has another uid is gone."""

    def answered(self) -> None:
        """The API server answered."""

    def failed(self, why: str, error: Exception) -> None:
        """It does not; a sentence, and what came in place of an answer."""


class ListWatch:
    """Follows one collection until it is cancelled; nothing but a cancellation ends it."""

    def __init__(
        self,
        access: Access,
        path: str,
        selector: str,
        listener: Listener,
        patience: Patience,
        uniform: Callable[[float, float], float],
        page: int = PAGE,
    ) -> None:
        """`page`: objects that are listed at once."""
        self._limit = page
        self._access, self._path, self._selector = access, path, selector
        self._listener, self._patience, self._uniform = listener, patience, uniform
        self._version: str | None = None
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._backoff = Backoff(*patience.backoff, uniform, spread=(0.5, 1.5))

    def start_over(self) -> None:
        """List everything anew when it is followed next."""
        self._version = None

    async def follow(self) -> None:
        """List and watch, for ever."""
        while True:
            try:
                await self._once()
            except GoneError:
                self._version = None
                await self._pause(0.0)
            except httpx.ReadTimeout as error:
                self._version = None
                self._listener.failed("the API server is silent", error)
                await self._pause(0.0)
            except RefusedError as error:
                self._listener.failed(str(error), error)
                await self._renew_after(error.code == 401)
                await self._pause(error.after)
            except (AccessError, httpx.HTTPError, OSError, TimeoutError, *MALFORMED_OBJECT, RecursionError) as error:
                self._listener.failed(in_words(error), error)
                await self._renew_after(isinstance(error, httpx.ConnectError))
                await self._pause(0.0)

    async def _renew_after(self, doubtful: bool) -> None:
        with suppress(AccessError):  # the next call says so
            if doubtful:
                await self._access.renew()

    async def _pause(self, least: float) -> None:
        await asyncio.sleep(max(min(least, _LONGEST_ASKED), self._backoff.next()))

    async def _once(self) -> None:
        if self._version is None:
            self._version = await self._list()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._watch(self._version)
        if loop.time() - began < self._patience.short:
            raise RefusedError(0, "the watch was closed at once")

    async def _list(self) -> str:
        uids: set[str] = set()
        token: str | None = None
        time_slice = TimeSlice()
        while True:
            page = await self._page({"limit": str(self._limit)} | ({"continue": token} if token else {}))
            for raw in page["items"]:
                uids.add(str(raw["metadata"]["uid"]))
                self._put(raw)
                await time_slice.checkpoint()  # of a large template an object takes a millisecond
            token = page["metadata"].get("continue")
            if not token:
                self._listener.listed(uids)
                self._listener.answered()
                return str(page["metadata"]["resourceVersion"])
            await asyncio.sleep(0)

    async def _page(self, query: dict[str, str]) -> dict[str, Any]:
        async with answered_within(self._patience.page), self._get(query) as response:
            page: dict[str, Any] = from_json(await read_all(response, MAX_PAGE), cache_strings="all")
        return page

    async def _watch(self, version: str) -> None:
        seconds = self._uniform(*self._patience.watch)
        query = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(1, int(seconds))),
        }
        async with answered_within(seconds + 15, "end a watch"), self._get(query) as response:
            self._listener.answered()
            try:
                async for line in lines(response):
                    self._take(from_json(line, cache_strings="all"))
                    self._backoff.reset()
            except httpx.ReadTimeout:
                # Nothing happens and a server that just started sends no bookmarks, or it hangs, or it was restored to
                # an older state and holds a watch of a later version open. The next list tells, and fails if it must.
                self._version = None

    def _take(self, event: dict[str, Any]) -> None:
        kind, raw = event["type"], event["object"]
        if kind == "ERROR":
            if raw.get("code") == 410:
                raise GoneError
            self._version = None  # whatever it was, a list tells what is true
            raise RefusedError(int(raw.get("code") or 0), str(raw.get("message")))
        if kind == "DELETED":
            self._listener.remove(str(raw["metadata"]["uid"]))
        elif kind in ("ADDED", "MODIFIED"):
            self._put(raw)
        self._version = str(raw["metadata"]["resourceVersion"])
        self._listener.answered()

    def _put(self, raw: Raw) -> None:
        try:
            self._listener.put(raw)
        except MALFORMED_OBJECT:  # one odd object must not hide the others
            self._logger.warning("skipping unreadable object", path=self._path)

    def _get(self, query: dict[str, str]) -> StreamedResponse:
        timeout = httpx.Timeout(self._patience.connect, read=self._patience.idle)
        return StreamedResponse(self._access, self._path, query | {"labelSelector": self._selector}, timeout)
