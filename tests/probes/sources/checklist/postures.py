"""Rounds of `tls_posture` at servers of a test, in no time: the pauses between attempts are counted, not waited for."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvloop

from probes.contract import OwnIdentity, SourceContext, Target, TargetKey
from probes.contract.target import DeclaredPort
from probes.readings.tls_posture import TLSPosture
from probes.sources.checklist.tls_posture import TLSPostureSettings, TLSPostureSource
from probes.sources.names import Names
from watcher.demo.authority import Authority, Svid

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
LOOPS: tuple[LoopFactory, ...] = (asyncio.new_event_loop, uvloop.new_event_loop)  # uvloop is that of the daemon
NOW = float(int(time.time()))
OURS = Authority("example.org", NOW)
THEIRS = Authority("partner.test", NOW)
SEARCH = "spiffe://example.org/agent/search"
SVID = OURS.issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600)
WATCHER = OURS.issue("spiffe://example.org/watcher", not_before=NOW - 10, not_after=NOW + 3600)
STRANGER = THEIRS.issue("spiffe://partner.test/watcher", not_before=NOW - 10, not_after=NOW + 3600)
KEY = TargetKey("prod", "search", "search-0")


@dataclass
class Provider:
    """An identity that is what the test says."""

    current: OwnIdentity | None
    confirmed: bool = True


def identity(svid: Svid | None = WATCHER) -> OwnIdentity:
    """The watcher's own; without an SVID it has bundles alone."""
    return OwnIdentity(
        trust_domain="example.org",
        chain=svid.chain if svid else (),
        key=svid.key if svid else None,
        bundles={"example.org": (OURS.certificate,)},
    )


@dataclass
class Pauses:
    """Time that passes only where somebody sleeps."""

    now: float = 0.0
    taken: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.taken.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def source(
    provider: Provider | None = None, pauses: Pauses | None = None, *, hostile: bool = False, patience: float = 5.0
) -> TLSPostureSource:
    """One whose pauses take no time; `patience`: seconds for one attempt."""
    pauses = pauses or Pauses()
    settings = TLSPostureSettings(hostile_handshakes=hostile)
    context = SourceContext(provider or Provider(identity()), lambda: pauses.now, time.time, Names())
    return TLSPostureSource(settings, context, pauses.sleep, patience)


def target(
    address: str,
    declared: Sequence[DeclaredPort] = (),
    *,
    key: TargetKey = KEY,
    metrics: str | None = None,
    opa: str | None = None,
) -> Target:
    """A pod that has these ports beside its own."""
    return Target(
        key=key, address=address, spiffe_ids=(SEARCH,), declared_ports=tuple(declared), metrics=metrics, opa=opa
    )


def look(
    at: str | Target,
    provider: Provider | None = None,
    pauses: Pauses | None = None,
    *,
    hostile: bool = False,
    patience: float = 5.0,
    loop: LoopFactory = asyncio.new_event_loop,
) -> TLSPosture:
    """One round, on this event loop."""

    async def once() -> TLSPosture:
        reading = await source(provider, pauses, hostile=hostile, patience=patience).look(
            target(at) if isinstance(at, str) else at, ()
        )
        assert isinstance(reading, TLSPosture)
        return reading

    with asyncio.Runner(loop_factory=loop) as runner:
        reading = runner.run(once())
    assert len(json.dumps(reading.evidence())) < 8192
    return reading
