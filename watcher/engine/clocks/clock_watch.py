"""Is the date of this machine to be believed? Told when it jumps, and when others say that it is wrong."""

from collections.abc import Callable

from probes.contract import say_duration
from watcher.engine.clocks.peer_clocks import PeerClocks
from watcher.engine.look_round import LookRound
from watcher.runtime.clock import Clock

LEAST = 60.0
"""Seconds for which a jump is told at least."""


class ClockWatch:
    """Follows the wall clock against the steady one."""

    def __init__(self, clock: Clock, peers: PeerClocks, new_round: Callable[[float], LookRound]) -> None:
        """`new_round`: all targets, to be looked at since that moment."""
        self._clock, self._peers, self._new_round = clock, peers, new_round
        self._jump, self._until = "", 0.0
        self._round: LookRound | None = None

    def beat(self) -> bool:
        """Look at the clocks, a few times a second; whether it jumped since the last time."""
        jump, now = self._clock.notice(), self._clock.steady()
        if jump:
            self._jump = f"The wall clock jumped {say_duration(abs(jump))} {'forward' if jump > 0 else 'back'}."
            self._until, self._round = now + LEAST, self._new_round(now)
        elif self._round is not None:
            self._round.check()
            if self._round.complete and now >= self._until:
                self._jump, self._round = "", None
        return bool(jump)

    @property
    def trouble(self) -> str:
        """That it jumped, until every target was looked at again; and why it is not believed. Sentences, or empty."""
        return " ".join(filter(None, (self._jump, self._peers.doubt)))
