"""What the daemon knows of its targets, as evidence for the checklist."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from zlib import crc32

from probes.contract import Target, TargetKey
from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef, LastTry, Missing
from probes.controls.evidence.past import DAY
from watcher.checklist.live.known.own_identity import own_identity
from watcher.checklist.live.known.past import Past
from watcher.checklist.live.known.past_file import NOTHING_LEFT, PastFile
from watcher.checklist.live.known.pod_evidence import NOT_SEEN, PodEvidence
from watcher.checklist.live.known.policy import policies_of, policy_of
from watcher.checklist.live.provider import Presence, Provided, SourceDates, Sources, SourcesOfPods
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.runtime.failures import FailuresLogger

log = logging.getLogger(__name__)

_ROUND = 8
"""Calls in which the whole fleet is looked through for looks that were due in vain."""

_BY_POD = (
    SourceName.HANDSHAKE,
    SourceName.AGENT_METRICS,
    SourceName.OPA,
    SourceName.CONDITIONS,
    SourceName.HISTORY,
)


class KnownEvidence:
    """Sources handshake, agent_metrics, opa, conditions and history by pod, workload_api of the agent."""

    KEPT_EVERY = 300.0
    """Seconds between two writes of what was counted."""

    def __init__(
        self,
        engine: Engine,
        state_dir: Path | None = None,
        tries_of: Callable[[AgentRef], tuple[LastTry, ...]] = lambda _: (),
    ) -> None:
        """Of an engine that somebody else drives; without a directory nothing survives a restart.

        `tries_of`: the last connections to its pods that were asked to end; who makes them says when there are others.
        `take_changed` is to be called about once a second, `write` every KEPT_EVERY and at the end.
        """
        self._engine, self._board = engine, engine.board
        self._pods = PodEvidence(engine, tries_of)
        self._past: dict[TargetKey, Past] = {}
        self._left: list[TargetKey] = []  # of this round
        self._changed: dict[AgentRef, None] = {}
        self._identity: tuple[object, ...] = ()
        self._told: tuple[object, ...] | None = None  # what there is to know of it
        self._logger = FailuresLogger(log)
        self._file, self._kept = PastFile(state_dir), NOTHING_LEFT
        engine.board.on_look.append(self._looked)

    @property
    def unwritable(self) -> str:
        """Why what was counted cannot be kept; empty where it is."""
        return self._file.trouble

    async def restore(self) -> None:
        """Know what the last process counted, of targets that are there again."""
        self._kept = await self._file.read()

    async def write(self) -> None:
        """Keep what was counted and followed."""
        now = self._engine.clock.steady()
        for key in [key for key, each in self._kept.targets.items() if now - (each.until or 0.0) > DAY]:
            del self._kept.targets[key]  # it did not come again
        left, past = list(self._kept.targets.values()), list(self._past.items())
        kept = (each.kept(key) for key, each in past)  # made a few at a time, while they are written
        await self._file.write((each for each in chain(left, kept) if each.is_worth_it), now)

    def agents(self) -> Collection[AgentRef]:
        """None but those of the targets."""
        return ()

    def sources_up(self) -> Mapping[str, str]:
        """None: what impairs the watcher's looks has alerts of its own."""
        return {}

    def presence(self, _: AgentRef, /) -> Presence:
        """Gone: only pods that are watched are known here."""
        return Presence.GONE

    def evidence_of(self, _: AgentRef, pods: Sequence[Target], /) -> Provided:
        """What is known of these pods now."""
        targets = {target.key.pod: target for target in pods}
        return Provided(
            sources={SourceName.WORKLOAD_API: own_identity(self._engine, pods)},
            pods=SourcesOfPods(
                targets.keys(), lambda pod: self._of_pod(targets[pod]), lambda pod: self._dates_of(targets[pod])
            ),
            digests=self._digests(pods, self._engine.clock.steady()),
        )

    def take_changed(self) -> Collection[AgentRef] | None:
        """Agents of which a look showed something new or was due in vain; None where the watcher's own SVID changed."""
        now = self._engine.clock.steady()
        for key in self._next():
            state, past = self._board.states.get(key), self._past.get(key)
            if state is None:
                self._past.pop(key, None)
            elif past is not None and now > past.stale_at:
                self._take(state)
        changed, self._changed = self._changed, {}
        return None if self._identity_changed() else list(changed)

    def _identity_changed(self) -> bool:
        """Whether the Workload API gives other bundles than before, or another trouble; a new SVID alone is none."""
        identity = self._engine.identity
        if (identity.current, identity.trouble) == self._identity:
            return False
        self._identity = identity.current, identity.trouble
        before, self._told = self._told, (identity.trouble, identity.newest_authorities())
        return before is not None and before != self._told

    def _looked(self, state: TargetState) -> None:
        try:
            self._take(state)
        except Exception:  # the boundary: what goes wrong here must not cost the look
            self._logger.exception("look not taken as evidence", target="/".join(state.target.key))

    def _take(self, state: TargetState) -> None:
        now, key = self._engine.clock.steady(), state.target.key
        if self._pods.take(state, self._past_of(key, now), now):
            self._changed[AgentRef(key.namespace, key.agent)] = None

    def _next(self) -> list[TargetKey]:
        """Some of those of which anything is kept: all of them in eight calls."""
        if not self._left:
            self._left = list(self._past)
        count = max(1, -(-len(self._past) // _ROUND))
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def _past_of(self, key: TargetKey, now: float) -> Past:
        found = self._past.get(key)
        if found is None:
            found = self._past[key] = Past(now, len(self._board.probes), _share(key))
            if (kept := self._kept.targets.pop(key, None)) is not None:
                found.load(kept, self._kept.written_at if kept.until is None else kept.until, now)
        return found

    def _digests(self, pods: Sequence[Target], now: float) -> Mapping[Bind, frozenset[str] | Missing]:
        states = [state for target in pods if target.opa and (state := self._board.states.get(target.key)) is not None]
        found = policies_of(policy_of(self._engine, each, now) for each in states)
        return {} if found is None else {Bind.POLICY_DIGEST: found}

    def _of_pod(self, target: Target) -> Sources:
        state, now = self._board.states.get(target.key), self._engine.clock.steady()
        if state is None:
            return dict.fromkeys(_BY_POD, NOT_SEEN)
        return self._pods.of(state, self._past_of(target.key, now), now)

    def _dates_of(self, target: Target) -> SourceDates:
        state = self._board.states.get(target.key)
        return {} if state is None else self._pods.dates(state, self._engine.clock.steady())


def _share(key: TargetKey) -> float:
    """Of one, the same for a target at all times."""
    return crc32("/".join(key).encode()) % 1000 / 1000
