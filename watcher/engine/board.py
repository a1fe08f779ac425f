"""The newest conditions and values of all targets: what /metrics, the API and the page show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from math import inf
from typing import NamedTuple

from probes import AnyProbe, AnySourceKind
from probes.contract import ConditionKind, Limits, Reading, Target, TargetKey, Unknown, Verdict
from probes.contract.reading import STALE_AFTER
from watcher.engine.debounce import DebounceStates, ProbeResult, Verdicts, debounce, stale
from watcher.engine.exported.series_budget import SeriesBudget
from watcher.engine.exported.shown_conditions import ShownConditions, shown
from watcher.engine.exported.subjects import ProbeResults, most_telling
from watcher.engine.replacement import former_key, replacement
from watcher.engine.restored import NOTHING_RESTORED, Kept, Restored
from watcher.text.exposition import escape


class Look(NamedTuple):
    """One finished look: what the API shows of it."""

    source: str
    at: float  # steady seconds at the end
    seconds: float  # without those for which what came lay here
    reading: Reading
    held_up: bool = False  # the watcher itself stood still for much of it
    lag: float = 0.0  # seconds that it was late in all meanwhile
    date: float = 0.0  # Unix seconds at the end, until it is judged


@lru_cache(maxsize=64)  # one object for the whole fleet
def _with(endpoints: frozenset[str], endpoint: str) -> frozenset[str]:
    return endpoints | {endpoint}


def _lacking(probe: AnyProbe, target: Target, limits: Mapping[str, Limits]) -> list[ConditionKind]:
    return [verdict.kind for verdict in probe.unlearnt(target, limits[probe.name])] if target.unlearnt else []


Turned = tuple[int, ProbeResult | DebounceStates]
"""The place of a probe on the board, and what held before its newest result."""


Facts = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Node, workload, expected SPIFFE ID and what alerts carry: labels of `target_info`."""


class TargetState:
    """One target's place on the board. Its fields are replaced, never changed, so a snapshot stays as it was."""

    __slots__ = (
        *("dropped", "exported", "labels", "looks", "reached", "removed", "restored", "results", "target"),
        *("info", "series_budget", "shown"),
    )

    def __init__(self, target: Target, results: ProbeResults, restored: Kept, old: "TargetState | None") -> None:
        """`old`: what stood here before, where the target changed."""
        self.target = target
        self.series_budget: SeriesBudget = old.series_budget if old is not None else SeriesBudget()
        self.exported: ProbeResults = ()
        self.shown = shown(())
        self.labels = _identity_labels(target.key)
        self.restored: Kept | None = restored  # until each probe took its share at its first look
        self.reached: frozenset[str] = frozenset()  # the endpoints of the target at which something answered
        for endpoint, address in restored.reached.items():
            if address == getattr(target, endpoint, None):  # another release may know more of them
                self.reach(endpoint)
        self.looks: dict[str, Look] = {}
        self.removed = False
        self.post(results)
        facts = (target.node, target.workload, target.spiffe_ids[0] if target.spiffe_ids else "", target.alert_labels)
        fits = old is None or facts == old.info or self.series_budget.admits_another()
        self.info: Facts = facts if old is None or fits else old.info

    def reach(self, endpoint: str) -> None:
        """Something answered at this endpoint."""
        self.reached = _with(self.reached, endpoint)

    def post(self, results: ProbeResults) -> None:
        """Show these results from now on."""
        self.results = results
        telling, left_out = most_telling(results)
        now = max([each.at for each in telling if each is not None and each.at < inf], default=0.0)
        self.exported, too_new = self.series_budget.narrowed(telling, self.exported, now)
        self.dropped = left_out + too_new
        by_probe = tuple([each.verdicts.outcomes if each is not None else None for each in self.exported])
        if by_probe != self.shown.by_probe:  # at nearly no look
            self.shown = shown(by_probe)


Exported = tuple[TargetState, ProbeResults, ShownConditions]
"""A target, its results, and what they say of it."""


class ConditionStatus(NamedTuple):
    """One condition of one target, for people and programs."""

    probe: str
    verdict: Verdict
    since: float  # Unix seconds, by the date as it is set now


class Board:
    """The states of all targets."""

    def __init__(
        self,
        probes: Sequence[AnyProbe],
        sources: Sequence[AnySourceKind],
        now: Callable[[], float],
        date_of: Callable[[float], float] = float,
    ) -> None:
        """`now`: steady seconds; `date_of`: their Unix seconds, the same where nobody sets the clock."""
        self.probes, self._empty = tuple(probes), {probe.name: probe.history() for probe in probes}
        self.endpoints = {kind.name: kind.endpoint for kind in sources}
        self.states: dict[TargetKey, TargetState] = {}
        self.touched: set[TargetKey] | None = None  # what may have changed since somebody last emptied it
        self.on_look: list[Callable[[TargetState], None]] = []  # who is told of each look once it is shown
        self.on_turn: list[Callable[[TargetState, Sequence[Turned]], None]] = []  # the same where verdicts changed
        self.stale_after: tuple[float, ...] = (float("inf"),) * len(self.probes)
        self._now, self.date_of = now, date_of

    def set_intervals(self, intervals: Mapping[str, float]) -> None:
        """Seconds between looks, by source: what makes a result stale."""
        self.stale_after = tuple(STALE_AFTER * intervals[probe.source] for probe in self.probes)

    async def replace(self, targets: Sequence[Target], restored: Mapping[TargetKey, Kept]) -> list[TargetState]:
        """Watch exactly these targets from now on; gives the states that are new or no longer the same.

        What is known of a target is kept. Made beside the old board in slices, to hold up no look; swapped in at once.
        """
        states, fresh, gone = await replacement(self.states, targets, partial(self._state, restored=restored))
        for state in gone:
            state.removed = True
            self.touch(state.target.key)
        self.states = states
        return fresh

    def _state(self, target: Target, old: TargetState | None, restored: Mapping[TargetKey, Kept]) -> TargetState:
        known: Kept
        if old is not None:
            known, before = self.snapshot(old), old.results
        else:
            known = restored.get(target.key) or restored.get(former_key(target)) or NOTHING_RESTORED
            before = (None,) * len(self.probes)
        now = self._now()
        kept = self._kept(old, target) if old is not None else before
        firsts = zip(self.probes, kept, before, strict=True)
        results = tuple(result or self._first_result(probe, target, now, was) for probe, result, was in firsts)
        return TargetState(target, results, known, old)

    def _kept(self, old: TargetState, target: Target) -> ProbeResults:
        """What still holds of a target that changed, until its next look: a new limit must not resolve every alert."""
        return tuple(
            result
            if result is not None
            and result.rests_on_looks
            and target.limits[probe.name].enabled
            and getattr(old.target, self.endpoints[probe.source]) == getattr(target, self.endpoints[probe.source])
            and probe.applicable(old.target) == probe.applicable(target)
            and _lacking(probe, old.target, target.limits) == _lacking(probe, target, target.limits)
            else None
            for probe, result in zip(self.probes, old.results, strict=True)
        )

    def _first_result(
        self, probe: AnyProbe, target: Target, now: float, before: ProbeResult | None
    ) -> ProbeResult | None:
        limits, endpoint = target.limits[probe.name], self.endpoints[probe.source]
        if not limits.enabled:
            return None
        if getattr(target, endpoint):
            found = (*probe.all_unknown(target, Unknown.WARMING_UP), *probe.unlearnt(target, limits))
            debounced = debounce(found, {}, 1, now)
            return ProbeResult(now, debounced.verdicts, debounced.since, (), (), self._empty[probe.name])
        lacking = probe.unlearnt(target, limits, endpoint) if endpoint in target.unlearnt else ()
        if not lacking:
            return None  # there is known to be nothing to look at
        debounced = debounce(lacking, before.debounce_states() if before is not None else {}, 1, now)
        return ProbeResult(inf, debounced.verdicts, debounced.since, (), (), self._empty[probe.name])

    def snapshot(self, state: TargetState) -> Restored:
        """What must be known of a target after a reload or a restart."""
        before = (state.restored or NOTHING_RESTORED).of(self._empty)
        looked = {
            probe.name: result
            for probe, result in zip(self.probes, state.results, strict=True)
            if result is not None and probe.source in state.looks
        }
        return Restored(
            {endpoint: getattr(state.target, endpoint) for endpoint in sorted(state.reached)},
            {**before.debounce_states, **{name: result.debounce_states() for name, result in looked.items()}},
            {**before.history, **{name: result.history for name, result in looked.items()}},
            {**before.young, **{name: result.young for name, result in looked.items()}},
        )

    def touch(self, key: TargetKey) -> None:
        """The verdicts on this target may be others, or it is gone."""
        if self.touched is not None:
            self.touched.add(key)

    def exported_states(self) -> list[Exported]:
        """All states with what they export now. The one step of a scrape that is done in one piece."""
        return [(state, state.exported, state.shown) for state in self.states.values()]

    def oldest(self, now: float) -> tuple[float, ...]:
        """Beside `probes`: what was found before this says nothing any more at `now`; both in steady seconds."""
        return tuple(now - seconds for seconds in self.stale_after)

    def fresh(self, results: ProbeResults, oldest: Sequence[float]) -> Iterator[tuple[int, ProbeResult, Verdicts]]:
        """Each result with its probe's index and the verdicts that a reader may see."""
        for index, result in enumerate(results):
            if result is not None:
                yield index, result, stale(result.verdicts) if result.at < oldest[index] else result.verdicts

    def conditions(self, state: TargetState) -> list[ConditionStatus]:
        """All conditions of one target as of now, trouble first."""
        found = []
        for index, result, verdicts in self.fresh(state.results, self.oldest(self._now())):
            aged = verdicts is not result.verdicts
            went_stale = result.at + self.stale_after[index]
            for verdict, since in zip(verdicts.all, result.since, strict=True):
                found.append(
                    ConditionStatus(self.probes[index].name, verdict, self.date_of(went_stale if aged else since))
                )
        return sorted(found, key=lambda each: each.verdict.status.rank)


def _identity_labels(key: TargetKey) -> str:
    return ",".join(f'{name}="{escape(value)}"' for name, value in zip(key._fields, key, strict=True))
