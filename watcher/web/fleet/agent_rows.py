"""The rows of the fleet's page: one for each agent, and one for what many agents have in common; the worst first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from watcher.engine.board import Board
from watcher.runtime.cooperative import TimeSlice
from watcher.web.fleet.selection import AgentKey, Candidate, Selection
from watcher.web.fleet.target_health import Cause, TargetHealth, health_of_verdict

SHARED_BY = 5
"""Agents with the same cause that are folded into one row."""

_SLICE = 20


@dataclass(slots=True)
class AgentRow:
    """One agent, or one of its pods where the page is about one agent."""

    namespace: str
    agent: str
    all_pods: int  # that the agent has, whether or not they are asked for
    pods: list[Candidate] = field(default_factory=list)  # those that are asked for
    health: TargetHealth = TargetHealth.NOTHING
    newest: float = 0.0  # steady seconds: when the newest of the worst conditions took its status
    causes: set[Cause] = field(default_factory=set)  # of all pods

    @property
    def leading(self) -> set[Cause]:
        """The causes of its state."""
        return {each for each in self.causes if each.health is self.health}

    def worst_first(self) -> None:
        """Put its pods into the order in which people see them."""
        self.pods.sort(key=lambda each: (each.health.rank, each.state.target.key))

    def pods_with(self, cause: Cause) -> int:
        """How many of its pods have it."""
        return sum(cause in each.summary.causes for each in self.pods)


@dataclass(slots=True)
class SharedRow:
    """A cause that many agents have in common, and no other of its kind."""

    cause: Cause
    agents: list[AgentRow]  # those with most pods that have it come first

    @property
    def health(self) -> TargetHealth:
        """How bad it is."""
        return self.cause.health

    @property
    def pods(self) -> int:
        """How many have it."""
        return sum(each.pods_with(self.cause) for each in self.agents)

    @property
    def newest(self) -> float:
        """When the newest of it began, steady seconds."""
        return max(each.newest for each in self.agents)


Row = AgentRow | SharedRow


@dataclass(slots=True)
class Rows:
    """All rows in their order, and how many targets have which cause."""

    rows: list[Row]
    causes: Mapping[Cause, int]
    agents: int


async def fleet_rows(board: Board, selection: Selection, *, by_pod: bool, fold: bool, now: float) -> Rows:
    """All rows of the targets that were selected, in turns with the looks.

    `by_pod`: a row for each pod; `fold`: what many have in common becomes one row.
    """
    agents, causes, time_slice = dict[tuple[str, ...], AgentRow](), dict[Cause, int](), TimeSlice()
    oldest = board.oldest(now)
    for place, each in enumerate(selection.chosen):
        if place % _SLICE == 0 or each.state.dropped:
            await time_slice.checkpoint()
        key, health = each.state.target.key, each.summary.health
        row = agents.get(key if by_pod else key[:2])
        if row is None:
            row = AgentRow(key.namespace, key.agent, selection.pods[key[:2]])
            agents[key if by_pod else key[:2]] = row
        row.pods.append(each)
        if health.in_trouble:
            _add_trouble(row, each, board, oldest)
            for cause in each.summary.causes:
                causes[cause] = causes.get(cause, 0) + 1
        elif health.rank < row.health.rank:
            row.health = health
    found = list(agents.values())
    shared = _shared(found) if fold else {}
    await time_slice.checkpoint()
    rows: list[Row] = [*_unfolded(found, shared), *_folded(shared)]
    await time_slice.checkpoint()
    rows.sort(key=_worst_first)
    return Rows(rows, causes, len({(each.namespace, each.agent) for each in found}))


def _add_trouble(row: AgentRow, candidate: Candidate, board: Board, oldest: Sequence[float]) -> None:
    row.causes |= candidate.summary.causes
    if candidate.health.rank > row.health.rank:
        return
    newest = _newest(candidate, board, oldest)
    row.newest = newest if candidate.health is not row.health else max(newest, row.newest)
    row.health = candidate.health


def _newest(candidate: Candidate, board: Board, oldest: Sequence[float]) -> float:
    """When the newest of the target's worst conditions took its status, steady seconds."""
    newest = 0.0
    fresh = board.fresh(candidate.state.results, oldest)
    for (index, result, verdicts), health in zip(fresh, candidate.summary.by_probe, strict=True):
        if health is not candidate.health:
            continue
        if verdicts is not result.verdicts:
            newest = max(newest, result.at + board.stale_after[index])
            continue
        for verdict, since in zip(verdicts.all, result.since, strict=True):
            if since > newest and health_of_verdict(verdict) is candidate.health:
                newest = since
    return newest


def _shared(rows: Iterable[AgentRow]) -> dict[Cause, list[AgentRow]]:
    """The agents that are folded, by the cause below which they are: all that makes them as ill is had by many."""
    by_cause: dict[Cause, set[AgentKey]] = {}
    troubled = [row for row in rows if row.health.in_trouble]
    for row in troubled:
        for cause in row.leading:
            by_cause.setdefault(cause, set()).add((row.namespace, row.agent))
    many = {cause: len(agents) for cause, agents in by_cause.items() if len(agents) >= SHARED_BY}
    found: dict[Cause, list[AgentRow]] = {}
    for row in troubled:
        if all(cause in many for cause in row.leading):
            found.setdefault(max(row.leading, key=lambda each: (many[each], each)), []).append(row)
    # Those of which another cause took its agents are too few for a row: these stand for themselves.
    return {cause: agents for cause, agents in found.items() if len(agents) >= SHARED_BY}


def _folded(shared: Mapping[Cause, list[AgentRow]]) -> Iterator[SharedRow]:
    for cause, agents in shared.items():
        yield SharedRow(cause, sorted(agents, key=lambda row: (-row.pods_with(cause), row.namespace, row.agent)))


def _unfolded(rows: Iterable[AgentRow], shared: Mapping[Cause, list[AgentRow]]) -> Iterator[AgentRow]:
    folded = {id(row) for agents in shared.values() for row in agents}
    for row in rows:
        if id(row) not in folded:
            yield row


def _worst_first(row: Row) -> tuple[int, float, str, str, str]:
    newest = -row.newest if row.health.in_trouble else 0.0
    if isinstance(row, SharedRow):
        return row.health.rank, newest, "", "", ""
    return row.health.rank, newest, row.namespace, row.agent, row.pods[0].state.target.key.pod
