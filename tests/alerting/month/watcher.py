"""A watcher that looks at a simulated fleet: real judges, real board, real state file, real exposition."""

import asyncio
import copy
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from probes import load_probes
from probes.contract import Reading, Target, TargetKey
from tests.alerting.month.fleet import Fleet
from tests.alerting.month.kinds import CANARY, TRUST_DOMAIN
from tests.alerting.month.readings import LOOKS
from tests.identity.identities import Clock
from watcher.config.settings import Settings, load_settings
from watcher.engine.engine import Engine
from watcher.engine.restored import Kept
from watcher.metrics.families import CONFIG_AT, CONFIG_OK, DISCOVERED, HEARTBEAT, TARGETS
from watcher.metrics.own import Impairment
from watcher.runtime.clock import Clock as StandingClock
from watcher.scheduling.timing_wheel import STEP, TimingWheel
from watcher.state.file import StateFile
from watcher.web.exposition import render

CONFIG = f"""\
probes:
  opa:
    canaries:
      - {{name: {CANARY}, expect: allow, input: {{caller_spiffe_id: "${{spiffe_id}}"}}}}
"""
"""All limits and all intervals are the contract's own."""

_CA_LIFE = 86400.0  # SPIRE's default; renewed at half of it


class Turn(NamedTuple):
    """When a source looks at a target."""

    at: float  # Unix seconds
    source: str
    key: TargetKey


def settings(directory: Path) -> Settings:
    """Those of a config file that has a canary and nothing else."""
    file = directory / "config.yaml"
    file.write_text(CONFIG)
    return load_settings(file, {})


class _Simulated:
    """A source whose readings come from the fleet."""

    def __init__(self, name: str, fleet: Fleet, now: Clock) -> None:
        self._look, self._fleet, self._now = LOOKS[name], fleet, now

    async def look(self, target: Target, wants: Sequence[object]) -> Reading:
        return self._look(self._fleet, self._fleet.pods[target.key], self._now(), tuple(wants))

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Nothing is kept of targets."""

    async def close(self) -> None:
        """Nothing is held."""


class Watcher:
    """One process of the watcher, without its clockwork: somebody says when to look."""

    def __init__(self, given: Settings, fleet: Fleet, now: Clock, number: int) -> None:
        self.settings, self.fleet, self.now, self.number = given, fleet, now, number
        self.engine = Engine(given, load_probes(), StandingClock(now, now))
        self._wheels = {name: TimingWheel(name, looker.interval) for name, looker in self.engine.lookers.items()}
        for name, looker in self.engine.lookers.items():
            looker.source = _Simulated(name, fleet, now)
        self.engine.own_metrics.set(CONFIG_OK, 1)
        self.engine.own_metrics.set(CONFIG_AT, now())
        for trouble in Impairment:
            self.engine.own_metrics.impair(trouble, hold=False)

    def copy(self, fleet: Fleet, now: Clock) -> "Watcher":
        """The same process, looking at a copy of the fleet from now on."""
        made = Watcher(self.settings, fleet, now, self.number)
        made._found(self._discovered)
        for key, state in self.engine.board.states.items():
            made.engine.board.states[key] = copy.copy(state)  # its fields are replaced, never changed
        for part in ("vote_counter", "isolation"):
            vars(getattr(made.engine.fleet, part)).update(copy.deepcopy(vars(getattr(self.engine.fleet, part))))
        return made

    def follow(self, restored: Mapping[TargetKey, Kept]) -> Iterator[Turn]:
        """Watch what is there now; the first looks at what is new come at once, the next ones on the wheel."""
        targets = self.fleet.targets(self.settings.probes)
        fresh = finish(self.engine.replace_targets(targets, restored))
        self._found(self.now())
        for place, state in enumerate(fresh):
            for source in self.engine.lookers:
                yield Turn(self.now() + STEP * (1 + place // 4), source, state.target.key)

    def _found(self, at: float) -> None:
        self._discovered = at
        self.engine.own_metrics.set(DISCOVERED, at)

    def look(self, source: str, key: TargetKey) -> bool:
        """One look; False where the target is gone."""
        state = self.engine.board.states.get(key)
        if state is not None:
            finish(self.engine.lookers[source].look(state))
        return state is not None

    def next_turn(self, source: str, key: TargetKey, poll_loops: int) -> Turn:
        """When this source looks at the target again: at its place on the real wheel."""
        interval = self.engine.interval(source)
        phase = self._wheels[source]._slot(self.engine.board.states[key]) * STEP
        last = (self.now() - phase + STEP / 2) // interval
        return Turn((last + poll_loops) * interval + phase, source, key)

    def verdicts(self) -> list[object]:
        """All that the page is made from, beside times: equal lists of the same objects make equal pages."""
        board = self.engine.board
        oldest = board.oldest(self.now())
        seen: list[object] = [self.engine.fleet.isolation.isolated, self.now() // (_CA_LIFE / 2)]
        for state, results, _ in board.exported_states():
            seen.append(state)
            seen.extend(verdicts for *_, verdicts in board.fresh(results, oldest))
        return seen

    def page(self) -> str:
        """The page at /metrics."""
        engine = self.engine
        begin = self.now() // (_CA_LIFE / 2) * (_CA_LIFE / 2)
        engine.own_metrics.set(TARGETS, len(engine.board.states))
        engine.own_metrics.set(HEARTBEAT, self.now())
        engine.own_metrics.bundles({TRUST_DOMAIN: (begin, begin + _CA_LIFE)})
        engine.own_metrics.impair(Impairment.ISOLATED, hold=engine.fleet.isolation.isolated)
        return str(finish(_whole(self)))

    def leave_state(self, directory: Path) -> None:
        """Write the state file, as at the end of the process."""
        asyncio.run(StateFile(directory, self.engine.board.probes).write(self.engine.board))

    def found_state(self, directory: Path) -> Mapping[TargetKey, Kept]:
        """What the last process left."""
        return StateFile(directory, self.engine.board.probes).read().targets


async def _whole(of: Watcher) -> str:
    pieces = render(of.engine.board, of.engine.own_metrics.registry, of.now(), openmetrics=False)
    return b"".join([piece async for piece in pieces]).decode()


def finish(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that waits for nothing but its turn."""
    while True:
        try:
            work.send(None)
        except StopIteration as done:
            return done.value
