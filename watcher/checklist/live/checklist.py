"""The checklist of all agents, kept true: who is due is judged, in turns with all else that the process does.

An agent is judged some seconds after something that it rests on changed, and when time alone turns a finding.
Else its evidence is only looked through: nothing is judged twice for the same reasons.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf

from probes.contract import TargetKey
from probes.controls.catalogue.control import SourceName
from probes.controls.checklist import NO_FINDINGS, judge_in_steps
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, Witness
from probes.controls.findings.store import FindingStore
from probes.controls.records import Record
from watcher.checklist.live.agent_verdict import agent_verdict
from watcher.checklist.live.criteria import Criteria
from watcher.checklist.live.gathering import Gathered, Gathering
from watcher.checklist.live.known_accounts import KnownAccounts, note
from watcher.checklist.live.moments import Dates, dates_of, decided_at, lapsed, record_lapses_at
from watcher.checklist.live.roster import ListedAgent, Roster
from watcher.checklist.live.spared.alike import Alike
from watcher.checklist.live.spared.carried import carried, changed_in, frame_of
from watcher.checklist.live.turns import followed, turned
from watcher.checklist.turned_finding import TurnedFinding
from watcher.config.checklist import ChecklistSettings
from watcher.engine.board import TargetState
from watcher.metrics.families import CHECKLIST_COMPLETE, CHECKLIST_EVALUATIONS, CHECKLIST_INFO, SOURCE_UP
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock
from watcher.runtime.cooperative import TimeSlice, stepped
from watcher.runtime.failures import FailuresLogger

PATIENCE = 20.0
"""Seconds for which the first verdicts wait for the first looks."""

_APART = 30.0
"""Seconds from one verdict to the next that only time asks for."""
_ANEW = 24
"""Times that the evidence is looked through until it is judged anew although nothing seems to have changed."""
_SHARE, _FIRST_SHARE = 0.2, 5.0
"""Seconds of CPU that one run judges at most, and those who have no verdict yet: looks go first all the same."""


class Checklist:
    """Judges; what came of it stands in `roster` and `store`."""

    EVERY = 1.0
    """Seconds from one look at who is due to the next."""

    def __init__(
        self,
        criteria: Criteria,
        gathering: Gathering,
        states: Callable[[], Mapping[TargetKey, TargetState]],
        own_metrics: OwnMetrics,
        clock: Clock,
        may_begin: Callable[[], bool],
        records: Callable[[AgentRef], Sequence[Record]] = lambda _: (),
    ) -> None:
        """`states`: the targets of the board; `may_begin`: whether the first looks were made; `records`: valid ones,
        and those that were and are gone."""
        self.criteria, self.gathering, self.clock = criteria, gathering, clock
        self.roster, self.store = Roster(), FindingStore(criteria.catalogue.controls)
        self.on_turn: list[Callable[[Sequence[TurnedFinding]], None]] = []  # who is told what turned
        self.on_suspects: Callable[[AgentRef, Collection[Witness]], None] = lambda _, __: None  # bad once
        self.take_up: Callable[[ListedAgent], None] = lambda _: None  # what is known of an agent that has just come
        self.last_complete: float | None = None  # steady seconds: when each agent was judged or looked through
        self._states, self._own_metrics, self._may_begin = states, own_metrics, may_begin
        self._records = records
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._alike = Alike(criteria)
        self._began = self._round_began = clock.steady()
        self._accounts = KnownAccounts()
        self._busy, self._spent = False, 0.0
        own_metrics.set(CHECKLIST_INFO, 1, criteria.catalogue.version, criteria.catalogue.digest)
        for result in ("ok", "error"):
            own_metrics.add(CHECKLIST_EVALUATIONS, 0, result)

    async def tick(self) -> None:
        """Take in what changed, and judge who is due."""
        if self._busy:
            return
        self._busy = True
        try:
            await self._follow()
            if self._may_begin() or self.clock.steady() - self._began >= PATIENCE:
                await self._learn_accounts()
                await self._judge_due()
                self._end_round()
        except Exception:  # the boundary: the next run comes, and that no round is complete is told by an alert
            self._logger.exception("checklist failed")
        finally:
            self._busy = False

    async def judge_all(self) -> None:
        """Judge all agents now, by what is known now."""
        await self._follow()
        await self._learn_accounts()
        time_slice = TimeSlice()
        for agent in list(self.roster.agents.values()):
            agent.judge_at = agent.whole_at = -inf
            await self._handle(agent, time_slice)

    def suspects(self) -> Sequence[AgentRef]:
        """Agents of which something was bad once, and a second look decides."""
        return [ref for ref in self.roster.agents if any(each.memory.suspects for each in self.store.get(ref).values())]

    def adopt(self, settings: ChecklistSettings) -> None:
        """Judge all agents anew, by this config."""
        self.criteria.adopt(settings)
        self._alike = Alike(self.criteria)
        self.roster.change(None, self.clock.steady())

    @property
    def interval(self) -> float:
        """Seconds after which the evidence of an agent is looked through again."""
        return self.criteria.settings.intervals.objects

    async def _follow(self) -> None:
        now = self.clock.steady()
        beside, remains = self.gathering.agents(), self.gathering.remains
        for ref in await self.roster.follow(self._states(), beside, remains, now, self.clock.date_of(now)):
            self.store.remove(ref)
        time_slice = TimeSlice()
        for agent in self.roster.take_new():
            self.take_up(agent)
            await time_slice.checkpoint()
        for number, changed in self.gathering.take_changed():
            self.roster.change(changed, now, frozenset({number}))
        up = self.gathering.sources_up()
        self._own_metrics.set_all(SOURCE_UP, {(name, why): not why for name, why in up.items()})

    async def _learn_accounts(self) -> None:
        now = self.clock.steady()
        if await self._accounts.learn(self.roster.agents.values(), self.gathering, now, self.interval):
            self.roster.change(None, now)

    async def _judge_due(self) -> None:
        now = self.clock.steady()
        due = sorted((each for each in self.roster.agents.values() if each.is_due(now)), key=ListedAgent.urgency)
        self._spent, time_slice = 0.0, TimeSlice()
        for agent in due:
            if self._spent >= (_FIRST_SHARE if agent.verdict is None else _SHARE):
                return
            await self._handle(agent, time_slice)

    async def _handle(self, agent: ListedAgent, time_slice: TimeSlice) -> None:
        now = self.clock.steady()
        to_be_judged, changed_by = agent.is_to_be_judged(now), agent.changed_by
        try:
            if to_be_judged:
                agent.take_changes()
            if to_be_judged or not await self._looked_through(agent, time_slice):
                gathering = self.gathering.in_steps(agent.ref, agent.watched, agent.targets, self.date())
                gathered = await stepped(gathering, time_slice)
                note(agent, gathered.objects)
                dates = dates_of(gathered.evidence)
                found = lapsed(dates, self.criteria.ages, self.date())
                await time_slice.checkpoint()
                frame, given = frame_of(gathered, self._accounts.now, self.date()), self.gathering.given(changed_by)
                changed = changed_in(agent, changed_by, given, frame, found, now)
                await self._judge(agent, gathered, dates, changed, time_slice)
                agent.seen(self.clock.steady(), found.already, self._in(found.next_at), self.interval)
            await time_slice.checkpoint()
        except Exception:  # the boundary: what goes wrong with one agent costs its verdict
            self._own_metrics.add(CHECKLIST_EVALUATIONS, 1, "error")
            self._logger.exception("agent not judged", agent=str(agent.ref))
            agent.not_judged(now + self.interval)

    async def _looked_through(self, agent: ListedAgent, time_slice: TimeSlice) -> bool:
        """Date its findings anew; False where something became too old, or is no longer."""
        looked = await stepped(self.gathering.look_in_steps(agent.ref, agent.targets), time_slice)
        note(agent, looked.objects)
        found = lapsed(looked.dates, self.criteria.ages, self.date())
        if found.already != agent.lapsed:
            return False
        self.store.see(agent.ref, looked.dates)
        agent.seen(self.clock.steady(), found.already, self._in(found.next_at), self.interval)
        return True

    async def _judge(
        self,
        agent: ListedAgent,
        gathered: Gathered,
        dates: Dates,
        changed: frozenset[SourceName] | None,
        time_slice: TimeSlice,
    ) -> None:
        """Judge what a change in these sources may turn; None: all of it."""
        date, before = self.date(), agent.before or self.store.get(agent.ref)
        await time_slice.checkpoint()
        evidence, records, criteria = gathered.evidence, self._records(agent.ref), self.criteria
        known = await self._alike.known(evidence, before, records, date, time_slice)
        known = {**carried(criteria, before, changed, dates), **known}
        required = criteria.required(criteria.profile(agent.ref.namespace))
        facts = criteria.facts(date, self._accounts.now)
        judging = criteria.catalogue, evidence, facts, criteria.judges, required, records, before, known, criteria.reads
        findings = await stepped(judge_in_steps(*judging), time_slice, self._spend)
        packed = await stepped(self.store.packed_in_steps(findings), time_slice)
        if self.roster.agents.get(agent.ref) is agent:  # not gone meanwhile
            self.store.put_packed(agent.ref, packed)
            self._keep(agent, gathered, before, findings, date)
            ends = record_lapses_at(criteria.catalogue.by_id, records, date)
            decided, now = decided_at(evidence, findings.values(), date), self.clock.steady()
            if changed is None:
                agent.all_judged(now, min(self.interval * _ANEW * agent.spread, self._in(ends)))
            agent.judge_at = min(agent.whole_at, now + self._in(decided))
            if suspects := {each for one in findings.values() for each in one.memory.unconfirmed}:
                self.on_suspects(agent.ref, suspects)

    def _spend(self, seconds: float) -> None:
        self._spent += seconds

    def _keep(
        self,
        agent: ListedAgent,
        gathered: Gathered,
        before: Mapping[str, Finding],
        findings: Mapping[str, Finding],
        date: float,
    ) -> None:
        catalogue, profile = self.criteria.catalogue, self.criteria.profile(agent.ref.namespace)
        required = self.criteria.required(profile)
        turns = turned(agent.ref, before, findings, date) if agent.comparable else []
        agent.past = followed(agent.past, turns, catalogue.by_id, required, date)
        agent.before, agent.comparable = NO_FINDINGS, True
        labels, digests = gathered.labels, gathered.evidence.digests
        agent.verdict = agent_verdict(findings, catalogue, profile, required, labels, digests)
        self._own_metrics.add(CHECKLIST_EVALUATIONS, 1, "ok")
        for tell in self.on_turn:
            tell(turns)

    def _end_round(self) -> None:
        """A round is complete when all agents were looked through since it began; none may only not be found yet."""
        unseen = inf if self._may_begin() else -inf
        if min((each.seen_at for each in self.roster.agents.values()), default=unseen) >= self._round_began:
            self.last_complete = self._round_began = self.clock.steady()
            self._own_metrics.set_moment(CHECKLIST_COMPLETE, self.last_complete)

    def _in(self, moment: float) -> float:
        """Seconds until then (Unix seconds), at the earliest those after which time is looked at again."""
        return max(_APART, moment - self.date())

    def date(self) -> float:
        """Unix seconds."""
        return self.clock.date_of(self.clock.steady())
