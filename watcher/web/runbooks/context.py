"""What does the watcher see now of the alert whose link was followed?"""

from collections.abc import Mapping
from dataclasses import dataclass

from probes.contract import TargetKey, Unknown
from probes.contract.condition import Status
from watcher.changes.change import Change
from watcher.changes.store import ChangeStore
from watcher.engine.engine import Engine
from watcher.engine.outcomes import Outcome
from watcher.web.runbooks.affected import Affected, AlertSelection, Crowd, affected, crowd
from watcher.web.runbooks.recent_changes import RecentChanges, recent_changes
from watcher.web.told import Told


@dataclass(frozen=True, slots=True)
class Live:
    """What can be told; None where the link does not ask for it."""

    affected: Affected | None = None
    crowd: Crowd | None = None
    recent_changes: RecentChanges | None = None

    @property
    def others(self) -> int:
        """Agents with the same trouble beside those that are shown."""
        shown = {each.state.target.key[:2] for each in self.affected.seen} if self.affected else set()
        return sum(agent not in shown for agent in self.crowd.agents) if self.crowd else 0


async def live_of(
    engine: Engine, store: ChangeStore, wanted: AlertSelection, query: Mapping[str, str], told: Told
) -> Live:
    """By what the link names: targets; or of an alert about many `condition`, or `source` or `probe`, and `reason`.

    Nothing where it names a `control` or a place of `evidence`.
    """
    oldest = engine.board.oldest(engine.clock.steady())
    if wanted.kind is not None:
        return await _of_condition(engine, store, wanted, oldest, told) if wanted.names_targets else Live()
    if any(query.get(name) for name in ("control", "evidence")):
        return Live()  # of the checklist: its own pages show it
    if any(query.get(name) for name in ("condition", "probe", "source")):
        return Live(crowd=await _crowd(engine, wanted, query, oldest))
    return Live(affected=await affected(engine.board, wanted, oldest, told) if wanted.names_targets else None)


async def _of_condition(
    engine: Engine, store: ChangeStore, wanted: AlertSelection, oldest: tuple[float, ...], told: Told
) -> Live:
    found = await affected(engine.board, wanted, oldest, told)
    everywhere = await _crowd(
        engine, AlertSelection(None), {"condition": wanted.kind.name if wanted.kind else ""}, oldest
    )
    shown = {each.state.target.key for each in found.seen}

    def is_reported(change: Change) -> bool:
        own = wanted.kind is not None and change.name == wanted.kind.name and wanted.subject in ("", change.subject)
        return own and TargetKey(change.namespace, change.agent, change.pod) in shown

    agents = {key[:2] for key in shown} or {(wanted.namespace, wanted.agent)}
    began = min(
        (own.since for each in found.seen for own in each.own if own.verdict.status is Status.TRUE), default=None
    )
    end = began if began is not None else engine.clock.wall()
    return Live(found, everywhere, await recent_changes(store, engine.board, agents, end, is_reported))


async def _crowd(engine: Engine, wanted: AlertSelection, query: Mapping[str, str], oldest: tuple[float, ...]) -> Crowd:
    """Who has the condition; or, where a probe or a source is named, of whom its verdicts are unknown."""
    condition, probe, source, asked = (query.get(name, "") for name in ("condition", "probe", "source", "reason"))
    probes = (each for each in engine.board.probes if each.name == probe or each.source == source)
    kinds = {kind for each in probes for kind in each.conditions}

    def is_wanted(outcome: Outcome) -> bool:
        kind, status, reason = outcome
        if condition:
            return kind.name == condition and status is Status.TRUE
        return kind in kinds and status is Status.UNKNOWN and asked in ("", reason) and reason != Unknown.WARMING_UP

    return await crowd(engine.board, wanted, is_wanted, oldest)
