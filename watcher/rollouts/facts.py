"""What a rollout is judged by at one moment: its pods, what the board says of them, their logs and their Events."""

from collections.abc import Sequence

from probes.controls.evidence import AgentRef
from watcher.rollouts.lines.board_facts import BoardFacts
from watcher.rollouts.lines.trial import Facts, Trial
from watcher.rollouts.rollout import Rollout
from watcher.rollouts.seen.logs import LogWitness, RolloutLogs
from watcher.rollouts.seen.pod_events import PodEvents
from watcher.rollouts.seen.running import RunningPod
from watcher.rollouts.terms import LineName, Window


class RolloutFacts:
    """Gathers it, and has logs and Events read where they are of use."""

    def __init__(self, board: BoardFacts, logs: LogWitness | None, events: PodEvents | None) -> None:
        """`logs` and `events`: who reads them, None where nobody does."""
        self.logs, self.events, self._board = RolloutLogs(logs), events, board

    def of(
        self, agent: AgentRef, trial: Trial, rollout: Rollout, pods: Sequence[RunningPod], now: float, date: float
    ) -> Facts:
        """All but why the watcher may not see; `pods` of the new revision, `now` in steady seconds, `date` in Unix."""
        states = self._board.states(*agent, pods)
        began = {each.name: each.created_at + now - date for each in pods}
        return Facts(
            now=now,
            date=date,
            pods=pods,
            conditions=self._board.conditions(states, began, now),
            limits=self._board.limits(states.values()),
            rotated=self._board.rotated(states, trial.began),
            lifetime=self._board.lifetime(states),
            impaired="",
            events=self._events_of(agent, trial, pods),
            logs=self.logs.of(agent, trial, pods, rollout.pods.old, now, date),
        )

    def forget(self, agent: AgentRef) -> None:
        """It is there no more."""
        self.logs.forget(agent)
        if self.events is not None:
            self.events.want(agent, ())

    def _events_of(self, agent: AgentRef, trial: Trial, pods: Sequence[RunningPod]) -> Sequence[str]:
        """While the line of pods is open; what comes too late for it is of no use."""
        if self.events is None:
            return ()
        is_open = (Window.IMMEDIATE, LineName.PODS_RUNNING) not in trial.closed
        self.events.want(agent, [each for each in pods if not each.is_ready] if is_open else ())
        return self.events.of(agent)
