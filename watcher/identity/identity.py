"""Who is the watcher to those it looks at, as of now?"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from probes.contract import OwnIdentity, say_duration
from probes.contract.units import utc
from watcher.identity.material import begins, ends, same, spiffe_id
from watcher.identity.source import IdentityError, IdentitySource, IdentityTrouble, Pace

log = logging.getLogger(__name__)

_CONFIRMED_FOR = 300.0
_CLOSES_WITHIN = 2.0


class Identity:
    """The watcher's own identity, asked for again and again in the background; an `IdentityProvider`.

    All state belongs to the event loop. Only the asking, which blocks, has a thread.
    """

    def __init__(
        self,
        open_source: Callable[[], IdentitySource] | None,
        now: Callable[[], float],
        date: Callable[[], float],
        pace: Pace,
        *,
        always_confirmed: bool = False,
    ) -> None:
        """`open_source` is called in the thread, for it may import what is slow to import; None: no identity."""
        self._open_source, self._now, self._date, self._pace = open_source, now, date, pace
        self._always_confirmed = always_confirmed
        self._answer: OwnIdentity | None = None  # as the source gave it
        self._bundles_only: OwnIdentity | None = None  # the same once its SVID expired
        self._failure = IdentityError(IdentityTrouble.NOT_ASKED_YET, "there is no answer yet") if open_source else None
        self._answered_at = -math.inf
        self._source: IdentitySource | None = None
        self._closing = False
        self._first_answer, self._bell = asyncio.Event(), asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identity")
        self._asking: Future[OwnIdentity | IdentityError] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def current(self) -> OwnIdentity | None:
        """The newest identity: the same object until something changed. An SVID past its notAfter is left out."""
        if self._answer is not None and self._date() > ends(self._answer.chain[0]):
            return self._bundles_only
        return self._answer

    @property
    def confirmed(self) -> bool:
        """Whether there are bundles that the source confirmed within the last 5 minutes; files always are."""
        return self._answer is not None and (self._always_confirmed or self._fresh)

    @property
    def trouble(self) -> str:
        """Why there is no valid SVID, or none confirmed within 5 minutes: `IdentityTrouble: details`. Else empty."""
        current = self.current
        is_valid = current is not None and bool(current.chain)
        if self._open_source is None or (is_valid and self._fresh):
            return ""
        if self._failure is not None:
            return str(self._failure)
        if is_valid:
            return str(IdentityError(IdentityTrouble.HUNG, f"no answer for {say_duration(_CONFIRMED_FOR)}"))
        return str(IdentityError(IdentityTrouble.SVID_EXPIRED, f"{_say(self._answer)}, and no newer one came"))

    @property
    def _fresh(self) -> bool:
        return self._now() - self._answered_at <= _CONFIRMED_FOR

    def newest_authorities(self) -> Mapping[str, tuple[float, float]]:
        """Trust domain -> begin and end of the authority that lasts longest, in Unix seconds."""
        bundles = self._answer.bundles if self._answer is not None else {}
        newest = {trust_domain: max(bundle, key=ends) for trust_domain, bundle in bundles.items() if bundle}
        return {trust_domain: (begins(authority), ends(authority)) for trust_domain, authority in newest.items()}

    async def start(self) -> None:
        """Begin to ask; does not wait for an answer."""
        if self._open_source is None:
            self._first_answer.set()
        else:
            self._watching = asyncio.create_task(self._watch(self._open_source))

    async def wait_first(self, within: float) -> None:
        """Wait until the first answer, good or bad, but not longer than `within` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._first_answer.wait()

    async def close(self) -> None:
        """End the asking and whatever it holds, within 2 seconds."""
        self._closing = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        if self._source is not None:
            self._source.close()
        self._thread.shutdown(wait=False)
        if self._asking is not None:
            await asyncio.wait({asyncio.wrap_future(self._asking)}, timeout=_CLOSES_WITHIN)

    async def _watch(self, open_source: Callable[[], IdentitySource]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._bell.clear()
            try:
                self._asking = self._thread.submit(self._ask, open_source, loop)
                answer = await asyncio.wrap_future(self._asking)
            except RuntimeError as error:  # no thread is to be had, which may pass
                answer = IdentityError(IdentityTrouble.INTERNAL_ERROR, str(error))
            self._take(answer)
            self._first_answer.set()
            await self._rest()

    async def _rest(self) -> None:
        await asyncio.sleep(self._pace.pause)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.retry if self._failure else self._pace.every):
                await self._bell.wait()

    def _ask(
        self, open_source: Callable[[], IdentitySource], loop: asyncio.AbstractEventLoop
    ) -> OwnIdentity | IdentityError:
        def ring() -> None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended before a thread of the source's
                loop.call_soon_threadsafe(self._bell.set)

        try:
            self._source = self._source or open_source()
            if self._closing:  # it was opened after `close` looked for it
                self._source.close()
            return self._source.ask(ring)
        except IdentityError as failure:
            return failure
        except Exception as error:  # a fault of ours must be told, not end the asking in silence
            log.exception("identity source failed")
            return IdentityError(IdentityTrouble.INTERNAL_ERROR, repr(error))

    def _take(self, answer: OwnIdentity | IdentityError) -> None:
        if isinstance(answer, IdentityError):
            if self._failure is None or self._failure.trouble is not answer.trouble:
                log.warning("cannot fetch identity", extra={"trouble": str(answer)})
                self._failure = answer
            return
        if self._failure is not None or not same(self._answer, answer):
            log.info("identity updated", extra={"svid": _say(answer), "bundles": " ".join(sorted(answer.bundles))})
        self._failure, self._answered_at = None, self._now()
        if not same(self._answer, answer):
            self._answer, self._bundles_only = answer, replace(answer, chain=(), key=None)


def _say(identity: OwnIdentity | None) -> str:
    if identity is None:
        return "none"
    name = spiffe_id(identity.chain[0]) or "a certificate without SPIFFE ID"
    return f"{name} until {utc(ends(identity.chain[0]))}"
