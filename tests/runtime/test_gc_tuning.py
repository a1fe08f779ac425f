import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest
import uvloop

from watcher.runtime.gc_tuning import GCTuning


class _Knot:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    before, loop = gc.get_threshold(), uvloop.new_event_loop()
    yield loop
    loop.close()
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.fixture
def gc_tuning(loop: asyncio.AbstractEventLoop) -> GCTuning:
    return GCTuning(loop)


def _knot_that_nobody_needs() -> "weakref.ref[_Knot]":
    return weakref.ref(_Knot())


def test_nothing_is_walked_over_while_memory_stays_as_it_is(gc_tuning: GCTuning) -> None:
    gc_tuning.freeze()
    lost = _knot_that_nobody_needs()
    churn = [[number] for number in range(100_000)]  # enough for the automatic collector to want a full pass
    del churn
    gc_tuning.collect_if_grown()
    assert lost() is not None


def test_cycles_are_collected_once_memory_has_grown_by_far(gc_tuning: GCTuning) -> None:
    gc_tuning.freeze()
    lost = _knot_that_nobody_needs()
    more = [bytes(100) for _ in range(4_000_000)]
    gc_tuning.collect_if_grown()
    assert lost() is None
    del more


def test_nothing_is_collected_before_the_daemon_is_warm(gc_tuning: GCTuning) -> None:
    lost = _knot_that_nobody_needs()
    gc_tuning.collect_if_grown()
    assert lost() is not None


@pytest.mark.usefixtures("loop")
def test_cycles_of_asyncios_own_connections_are_collected_while_they_are_young() -> None:
    async def main() -> int:
        GCTuning(asyncio.get_running_loop())
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        known = []
        async with server:
            for _ in range(1000):
                _, writer = await asyncio.open_connection(host, port)
                known.append(weakref.ref(writer.transport))
                writer.close()
                await writer.wait_closed()
        return sum(each() is not None for each in known)

    assert asyncio.run(main()) < 500
