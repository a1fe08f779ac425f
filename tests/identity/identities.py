"""An identity under test: a clock that is set by hand, a quick pace, and waiting for what comes from other threads."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from watcher.config.identity import IdentitySettings
from watcher.demo.authority import Authority
from watcher.identity import Identity, Pace, open_identity

NOW = 1_800_000_000.0
QUICK = Pace(every=0.2, retry=0.02, pause=0.005, patience=0.4)


@dataclass
class Clock:
    """Unix seconds that stand still until a test moves them."""

    now: float = NOW

    def __call__(self) -> float:
        """The time."""
        return self.now


@contextlib.asynccontextmanager
async def started(settings: IdentitySettings, now: Callable[[], float], pace: Pace = QUICK) -> AsyncIterator[Identity]:
    """An identity that has its first answer, closed at the end."""
    identity = open_identity(settings, now, pace)
    await identity.start()
    try:
        await identity.wait_first(5)
        yield identity
    finally:
        await identity.close()


def newest(authority: Authority) -> dict[str, tuple[float, float]]:
    """What an identity says of a bundle that has this authority alone."""
    certificate = authority.certificate
    moments = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return {authority.trust_domain: moments}


async def until(condition: Callable[[], object], within: float = 30) -> None:
    """Return as soon as it is so; TimeoutError if it does not come to that."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  other threads and sockets make it so, no event tells it
            await asyncio.sleep(0.002)


async def stays(condition: Callable[[], object], seconds: float = 0.1) -> bool:
    """Whether it is so all the time, which is many questions at the quick pace."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if not condition():
            return False
        await asyncio.sleep(0.002)
    return True


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The kinds of trouble that the log tells of, in order."""
    troubles = [getattr(record, "trouble", "") for record in caplog.records]
    return [trouble.partition(":")[0] for trouble in troubles if trouble]
