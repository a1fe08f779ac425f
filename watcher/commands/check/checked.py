"""What a check found, as all formats read it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from probes.contract import TargetKey, Verdict
from watcher.commands.check.outcome import FailOn, Outcome, fails
from watcher.engine.board import Board, ConditionStatus, TargetState
from watcher.web.fleet.target_health import Summaries, TargetHealth
from watcher.web.told import Told


class Record(NamedTuple):
    """One condition of one target."""

    key: TargetKey
    health: TargetHealth  # of the whole target
    condition: ConditionStatus

    @property
    def verdict(self) -> Verdict:
        """What is said of the condition."""
        return self.condition.verdict


@dataclass(frozen=True)
class Checked:
    """One round of looks at everything."""

    config: Path
    board: Board
    told: Told
    states: Sequence[TargetState]
    now: float  # steady seconds
    fail_on: FailOn | None
    outcome: Outcome
    lines: Mapping[TargetKey, int] = field(default_factory=dict)  # where a target stands in the config file

    def healths(self) -> Counter[TargetHealth]:
        """How many targets are in which state."""
        summaries = Summaries(self.board, self.now)
        return Counter(summaries.of(state).health for state in self.states)

    def records(self) -> Iterator[Record]:
        """Every condition: targets in the worst state first, and of each what is failing, then what is unknown."""
        summaries = Summaries(self.board, self.now)
        ranked = sorted(
            ((summaries.of(each).health, each) for each in self.states),
            key=lambda each: (each[0].rank, each[1].target.key),
        )
        for health, state in ranked:
            for condition in self.told(state):
                yield Record(state.target.key, health, condition)

    def fails(self, verdict: Verdict) -> bool:
        """Whether this verdict makes exit code 1."""
        return fails(verdict, self.fail_on)

    def place(self, key: TargetKey) -> tuple[Path, int] | None:
        """The file and line that name a target; of one that was discovered there is none."""
        line = self.lines.get(key)
        return (self.config, line) if line is not None else None


def name_of(key: TargetKey) -> str:
    """`prod/search`, with the pod where it is called otherwise."""
    return f"{key.namespace}/{key.agent}" if key.pod == key.agent else "/".join(key)
