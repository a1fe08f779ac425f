"""What the board says of the pods of a rollout: conditions, the limits of requests, rotations of SVIDs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from probes.contract import TargetKey, Unknown
from probes.contract.condition import NO_WINDOW, Status
from watcher.engine.board import Board, TargetState
from watcher.engine.debounce import ProbeResult
from watcher.rollouts.lines.sight import Limits, Standing
from watcher.rollouts.seen.running import RunningPod

SLO, PAGE = "slo", "agent_metrics"
_SVID = "svid"
_ROTATED, _NOT_BEFORE, _NOT_AFTER = (
    "svid_last_rotation_timestamp_seconds",
    "svid_not_before_timestamp_seconds",
    "svid_not_after_timestamp_seconds",
)


class BoardFacts:
    """Reads the board of an engine; keeps nothing itself."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._places = {probe.name: place for place, probe in enumerate(board.probes)}

    def states(self, namespace: str, agent: str, pods: Iterable[RunningPod]) -> Mapping[str, TargetState]:
        """The states of those pods that are looked at, by name."""
        keys = ((pod.name, TargetKey(namespace, agent, pod.name)) for pod in pods)
        return {name: state for name, key in keys if (state := self._board.states.get(key)) is not None}

    def conditions(
        self, states: Mapping[str, TargetState], began: Mapping[str, float], now: float
    ) -> Mapping[str, Sequence[Standing]]:
        """All conditions of each pod; `began`: steady seconds before which another process of that name ran."""
        oldest = self._board.oldest(now)
        return {name: tuple(self._standing(state, began.get(name, 0.0), oldest)) for name, state in states.items()}

    def true(self, states: Mapping[str, TargetState], now: float) -> frozenset[tuple[str, str]]:
        """Conditions and subjects that are true of any of them."""
        found = self.conditions(states, {}, now).values()
        return frozenset((one.condition, one.subject) for each in found for one in each if one.status is Status.TRUE)

    def slo(self, state: TargetState) -> ProbeResult | None:
        """The newest result of the probe of requests."""
        place = self._places.get(SLO)
        return None if place is None else state.results[place]

    def limits(self, states: Iterable[TargetState]) -> Limits | None:
        """By what their requests are judged; None where they are not."""
        for state in states:
            if self.slo(state) is not None:
                limits = state.target.limits[SLO]
                return Limits(error_ratio=float(getattr(limits, "error_ratio", 0.05)))
        return None

    def rotated(self, states: Mapping[str, TargetState], began: float) -> frozenset[str]:
        """Pods whose SVID was rotated after that moment, steady seconds."""
        return frozenset(
            name for name, state in states.items() if (at := self._sample(state, _ROTATED)) is not None and at > began
        )

    def lifetime(self, states: Mapping[str, TargetState]) -> float | None:
        """Seconds of the longest SVID of these."""
        dates = [(self._sample(each, _NOT_BEFORE), self._sample(each, _NOT_AFTER)) for each in states.values()]
        return max((end - begin for begin, end in dates if begin is not None and end is not None), default=None)

    def _sample(self, state: TargetState, name: str) -> float | None:
        place = self._places.get(_SVID)
        result = None if place is None else state.results[place]
        samples = result.samples if result is not None else ()
        return next((each.value for each in samples if each.metric.name == name), None)

    def _standing(self, state: TargetState, began: float, oldest: Sequence[float]) -> Iterator[Standing]:
        for _, result, verdicts in self._board.fresh(state.results, oldest):
            is_old = result.at < began  # of the process that had this name before
            for verdict, since in zip(verdicts.all, result.since, strict=True):
                kind = verdict.kind
                status = Status.UNKNOWN if is_old else verdict.status
                learns = kind.window is not NO_WINDOW and verdict.reason == Unknown.WARMING_UP
                reason = Unknown.WARMING_UP if is_old else verdict.reason
                yield Standing(kind.name, verdict.subject, status, str(reason), max(since, began), learns)
