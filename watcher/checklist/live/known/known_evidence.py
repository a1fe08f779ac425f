"""What the daemon knows of its targets, as evidence for the checklist."""

from collections.abc import Collection, Mapping, Sequence
from zlib import crc32

from probes.contract import Target, TargetKey
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentRef
from watcher.checklist.live.known.own_identity import own_identity
from watcher.checklist.live.known.pod_evidence import NOT_SEEN, Past, PodEvidence
from watcher.checklist.live.provider import Provided, Sources
from watcher.engine.engine import Engine

_ROUND, _MOST = 8, 1500
"""Calls in which the whole fleet is looked through, and targets of one call, each a few microseconds."""

_BY_POD = (
    SourceName.HANDSHAKE,
    SourceName.AGENT_METRICS,
    SourceName.OPA,
    SourceName.CONDITIONS,
    SourceName.HISTORY,
)


class KnownEvidence:
    """Sources handshake, agent_metrics, opa, conditions and history by pod, workload_api of the agent."""

    def __init__(self, engine: Engine) -> None:
        """Of an engine that somebody else drives. `take_changed` is to be called about once a second."""
        self._engine, self._board = engine, engine.board
        self._pods = PodEvidence(engine)
        self._past: dict[TargetKey, Past] = {}
        self._left: list[TargetKey] = []  # of this round
        self._identity: tuple[object, ...] = ()

    def agents(self) -> Collection[AgentRef]:
        """None but those of the targets."""
        return ()

    def sources_up(self) -> Mapping[str, str]:
        """None: what impairs the watcher's looks has alerts of its own."""
        return {}

    def evidence_of(self, _: AgentRef, pods: Sequence[Target], /) -> Provided:
        """What is known of these pods now."""
        now = self._engine.clock.steady()
        return Provided(
            sources={SourceName.WORKLOAD_API: own_identity(self._engine, pods)},
            pods={target.key.pod: self._of_pod(target, now) for target in pods},
        )

    def take_changed(self) -> Collection[AgentRef] | None:
        """Agents of which a look showed something new, within eight calls; None where the watcher's own SVID did."""
        now, changed = self._engine.clock.steady(), dict[AgentRef, None]()
        for key in self._next():
            state = self._board.states.get(key)
            if state is None:
                self._past.pop(key, None)
            elif self._pods.take(state, self._past_of(key, now), now):
                changed[AgentRef(key.namespace, key.agent)] = None
        identity = self._engine.identity
        before, self._identity = self._identity, (identity.current, identity.trouble)
        return None if before and before != self._identity else list(changed)

    def _next(self) -> list[TargetKey]:
        if not self._left:
            self._left = list({**self._board.states, **self._past})
        count = min(_MOST, max(1, -(-max(len(self._board.states), len(self._past)) // _ROUND)))
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def _past_of(self, key: TargetKey, now: float) -> Past:
        found = self._past.get(key)
        if found is None:
            found = self._past[key] = Past(now, len(self._board.probes), _share(key))
        return found

    def _of_pod(self, target: Target, now: float) -> Sources:
        state = self._board.states.get(target.key)
        if state is None:
            return dict.fromkeys(_BY_POD, NOT_SEEN)
        return self._pods.of(state, self._past_of(target.key, now), now)


def _share(key: TargetKey) -> float:
    """Of one, the same for a target at all times."""
    return crc32("/".join(key).encode()) % 1000 / 1000
