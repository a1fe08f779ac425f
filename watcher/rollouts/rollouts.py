"""The rollouts of all agents: followed by the watches that exist, judged in turns with the looks, kept, and told.

Nothing is asked of anybody here. Where the watcher cannot see, pods are taken to be as they were, and no line passes.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace

from probes.contract import TargetKey
from probes.controls.evidence import AgentRef
from watcher.config.rollouts import RolloutsSettings
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.rollouts.facts import RolloutFacts
from watcher.rollouts.follower import Follower
from watcher.rollouts.kept.keeper import Left, RolloutKeeper
from watcher.rollouts.kept.packing import course_of, trial_of
from watcher.rollouts.lines.board_facts import PAGE, SLO, BoardFacts
from watcher.rollouts.lines.sight import Windows
from watcher.rollouts.requests.agent_requests import AgentRequests
from watcher.rollouts.requests.hours import HOUR, same_hours
from watcher.rollouts.seen.cluster import AgentPods
from watcher.rollouts.seen.course import Course
from watcher.rollouts.seen.logs import LogWitness
from watcher.rollouts.seen.pod_events import PodEvents
from watcher.rollouts.view import FollowedRollouts
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.failures import FailuresLogger

OBSERVED_AGAIN, OBSERVED_OFTEN, OBSERVED_READY = 300.0, 5.0, 30.0
"""Seconds between looks at an agent's pods that nothing says to have changed; in a rollout; in one that is Ready."""

WRITTEN_EVERY, KEPT_AGAIN = 5.0, 45.0
"""Seconds from one write to the next, and until one is written again of which no verdict has turned."""

_AWAY = 60.0
"""Seconds between two processes that are no gap in what was seen."""

_PRUNED_EVERY = 3600.0


class Rollouts(FollowedRollouts):
    """Also what readers may know of them."""

    EVERY = 1.0
    """Seconds from one tick to the next."""

    def __init__(
        self,
        cluster: AgentPods,
        engine: Engine,
        settings: RolloutsSettings,
        keeper: RolloutKeeper,
        is_known: Callable[[], bool],
        logs: LogWitness | None = None,
        events: PodEvents | None = None,
    ) -> None:
        """`is_known`: whether all pods of the cluster were listed, and what they are is known; `logs`: reads them."""
        super().__init__(keeper)
        self.settings, self.workload = settings, cluster.workload
        self._cluster, self._engine, self._board = cluster, engine, BoardFacts(engine.board)
        self.facts = RolloutFacts(self._board, logs, events)
        self._is_known, self._clock = is_known, engine.clock
        self._dirty: set[AgentRef] = set()
        self._all_seen = False  # every agent that was there at the start was seen
        self._since = engine.clock.date_of(engine.clock.steady()) - _AWAY  # what was made before is not new
        self._pruned_at = 0.0
        self._busy = False
        self._logger = FailuresLogger(logging.getLogger(__name__))
        engine.board.on_look.append(self._looked)

    def touch(self, agent: AgentRef) -> None:
        """Its pods, workload or config may be others."""
        self._dirty.add(agent)

    async def restore(self) -> None:
        """Go on where the last process stopped, and say for how long nobody looked."""
        time_slice = TimeSlice()
        for left in await self.keeper.restore():
            try:
                self._followers[AgentRef(*left.agent)] = self._restored(left)
            except ValueError:
                self._logger.exception("rollouts of an agent not taken up", agent="/".join(left.agent))
            await time_slice.checkpoint()

    async def tick(self) -> None:
        """See what changed, and judge what is due."""
        if self._busy:
            return
        self._busy = True
        try:
            if not self._cluster.trouble:
                await self._observe_due()
            await self._judge_due()
        except Exception:  # the boundary: the next run comes
            self._logger.exception("rollouts not followed")
        finally:
            self._busy = False

    async def write(self) -> None:
        """Keep what changed."""
        now, time_slice = self._clock.steady(), TimeSlice()
        for agent, follower in list(self._followers.items()):
            if follower.turned or (follower.changed and now - follower.kept_at >= KEPT_AGAIN):
                self._keep(agent, follower, now)
                await time_slice.checkpoint()
        if now - self._pruned_at >= _PRUNED_EVERY:
            self._pruned_at = now
            await self.keeper.prune(int(now / HOUR))
            await self._forget_gone()
        await self.keeper.write()

    async def close(self) -> None:
        """Keep all, and end."""
        now, time_slice = self._clock.steady(), TimeSlice()
        for agent, follower in list(self._followers.items()):
            self._keep(agent, follower, now)
            await time_slice.checkpoint()
        await self.keeper.close()

    def adopt(self, settings: RolloutsSettings) -> None:
        """By these from now on; a rollout that is under way keeps its windows."""
        self.settings = settings

    def date_of(self, moment: float | None = None) -> float:
        """Unix seconds of steady seconds; of now, where none are given."""
        return self._clock.date_of(self._clock.steady() if moment is None else moment)

    # What is done in turns with the looks.

    async def _observe_due(self) -> None:
        now, time_slice = self._clock.steady(), TimeSlice()
        dirty, self._dirty = self._dirty, set()
        known, is_known = list(self._cluster.agents()), self._is_known()
        for agent in known:
            if agent in dirty or self._is_due(agent, now):
                await self._observe(agent)
                await time_slice.checkpoint()
        for agent in self._followers.keys() & dirty - set(known):
            await self._observe(agent)
        self._all_seen = self._all_seen or is_known

    def _is_due(self, agent: AgentRef, now: float) -> bool:
        follower = self._followers.get(agent)
        if follower is None or follower.observed_at is None:
            return True
        in_rollout = follower.trial and (OBSERVED_OFTEN if follower.trial.ready is None else OBSERVED_READY)
        return now - follower.observed_at >= (in_rollout or OBSERVED_AGAIN)

    async def _observe(self, agent: AgentRef) -> None:
        now, follower = self._clock.steady(), self._followers.get(agent)
        unknown = follower is None and self._all_seen
        if follower is None:
            follower = self._followers[agent] = Follower(Course(*agent), None, AgentRequests())
        try:
            pods = self._cluster.pods(agent)
            date = self._clock.date_of(now)
            is_new = unknown and all(each.created_at >= self._since for each in pods)
            turns = follower.observe(pods, self._cluster.wanted(agent), date, now, is_new=is_new)
            if turns.ended is not None:
                self.keeper.put(turns.ended)
            if turns.dropped is not None:
                self.keeper.drop(turns.dropped)
            if turns.begun:
                await self._begin(agent, follower, now)
        except Exception:  # the boundary: what goes wrong with one agent costs no other its rollouts
            self._logger.exception("rollout of an agent not followed", agent=str(agent))

    async def _begin(self, agent: AgentRef, follower: Follower, now: float) -> None:
        trial = follower.begin(Windows(*self.settings.windows.seconds), self.settings.when_undecided, now)
        old = self._board.states(*agent, follower.old_pods(self._cluster.pods(agent)))
        trial.true_before = self._board.true(old, now)
        if follower.course.rollout is not None:
            trial.logs_before = self.facts.logs.before(agent, follower.course.rollout.began_at)
        if follower.course.verified:
            hours = await self.keeper.hours(agent)
            trial.former = same_hours(hours, now, follower.course.verified, trial.cut, trial.bounds)

    async def _judge_due(self) -> None:
        now, time_slice = self._clock.steady(), TimeSlice()
        impaired = self._impaired()
        for agent, follower in list(self._followers.items()):
            if follower.trial is not None and follower.judge_at <= now:
                self._judge(agent, follower, now, impaired)
                await time_slice.checkpoint()

    def _judge(self, agent: AgentRef, follower: Follower, now: float, impaired: str) -> None:
        trial, rollout = follower.trial, follower.course.rollout
        if trial is None or rollout is None:
            return
        try:
            pods, date = follower.new_pods(self._cluster.pods(agent)), self._clock.date_of(now)
            facts = self.facts.of(agent, trial, rollout, pods, now, date)
            follower.judge(replace(facts, impaired=impaired))
        except Exception:  # the boundary: what goes wrong with one agent costs no other its verdict
            follower.judge_at = now + OBSERVED_AGAIN
            self._logger.exception("rollout of an agent not judged", agent=str(agent))

    def _impaired(self) -> str:
        """Why the watcher cannot see right now; empty where it can."""
        if self._engine.fleet.isolation.isolated:
            return "most targets fell silent at once"
        return self._cluster.trouble or ("looks are late or left out" if self._engine.overload.trouble else "")

    def _looked(self, state: TargetState) -> None:
        key: TargetKey = state.target.key
        follower = self._followers.get(AgentRef(key.namespace, key.agent))
        result = self._board.slo(state) if follower is not None else None
        if follower is None or result is None:
            return
        try:
            window = float(getattr(state.target.limits[SLO], "window", 300.0))
            page = state.looks.get(PAGE)
            reading = page.reading if page is not None else None
            hour = follower.requests.looked(key.pod, result, window, follower.trial, reading)
        except Exception:  # the boundary: what goes wrong here must not cost the look
            self._logger.exception("requests of a look not counted", target="/".join(key))
            return
        if hour is not None:
            self.keeper.add_hour((key.namespace, key.agent), hour)

    def _keep(self, agent: AgentRef, follower: Follower, now: float) -> None:
        rollout = follower.rollout
        if rollout is not None and (follower.changed or follower.turned):
            self.keeper.put(rollout)
        self.keeper.follow((agent.namespace, agent.agent), follower.packed(now))
        follower.changed = follower.turned = False
        follower.kept_at = now

    async def _forget_gone(self) -> None:
        self._cluster.keep_only()
        there: Collection[AgentRef] = self._cluster.agents()
        for agent in [each for each in self._followers if each not in there and self._cluster.is_gone(each)]:
            del self._followers[agent]
            self.facts.forget(agent)
            await self.keeper.forget((agent.namespace, agent.agent))

    def _restored(self, left: Left) -> Follower:
        kept, now = left.kept, self._clock.steady()
        course, trial = course_of(*left.agent, kept, left.newest), trial_of(kept)
        away = now - kept.seen_at
        if away > _AWAY:
            course.away(self._clock.date_of(kept.seen_at), self._clock.date_of(now))
            if trial is not None:
                trial.away(away)
        if trial is not None:
            trial.seen_at = now
        return Follower(course, trial, AgentRequests(kept.cut, kept.bounds))
