"""The evidence of one pod, by source, of what the board and its past hold."""

from collections.abc import Callable, Mapping
from math import inf
from typing import Protocol, cast

from probes.contract import Reading
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import AttestableWhen
from probes.controls.evidence import AgentRef, LastTry, MetricsLook, Missing, OPALook, PodConditions, PodHistory, Seen
from probes.history.served import Served
from probes.readings.decision import OPAReading
from probes.readings.handshake import Handshake
from probes.readings.metrics_page import RememberedPage
from watcher.alerting.rules.agents import waits
from watcher.checklist.live.known import looks
from watcher.checklist.live.known.counted import process_of
from watcher.checklist.live.known.past import Past
from watcher.checklist.live.known.policy import is_old
from watcher.checklist.live.provider import SourceDates, Sources
from watcher.engine.board import Look, TargetState
from watcher.engine.debounce import ProbeResult
from watcher.engine.engine import Engine

_OF_LOOKS: Mapping[str, tuple[SourceName, type[Reading]]] = {
    "handshake": (SourceName.HANDSHAKE, Handshake),
    "agent_metrics": (SourceName.AGENT_METRICS, RememberedPage),
    "opa": (SourceName.OPA, OPAReading),
}

NOT_SEEN = Missing(UnknownReason.OBSERVING, "The target was found a moment ago.")


class _SvidPast(Protocol):
    """What the probe of the SVID remembers; no probe is imported by its name."""

    dates: tuple[float, float]
    last_rotation: float | None
    serial: str
    served: Served


class PodEvidence:
    """Reads the board of an engine; keeps nothing itself."""

    def __init__(self, engine: Engine, tries_of: Callable[[AgentRef], tuple[LastTry, ...]]) -> None:
        """`tries_of`: the connections to pods of an agent that were asked to end."""
        self._engine, self._board, self._tries_of = engine, engine.board, tries_of
        self._places = {probe.name: place for place, probe in enumerate(engine.board.probes)}
        self._alert_waits = waits()

    def of(self, state: TargetState, past: Past, now: float) -> Sources:
        """All sources of one pod; `now` in steady seconds."""
        return {
            SourceName.HANDSHAKE: self._handshake(state, now),
            SourceName.AGENT_METRICS: self._page(state, past, now),
            SourceName.OPA: self._opa(state, past, now),
            SourceName.CONDITIONS: self._conditions(state, past, now),
            SourceName.HISTORY: self._history(state, past, now),
        }

    def dates(self, state: TargetState, now: float) -> SourceDates:
        """When each of these was seen, Unix seconds; without those that were not."""
        found: dict[SourceName, float] = {}
        date_of, looks_at = self._board.date_of, [each.at for each in state.looks.values()]
        for name, (source, kind) in _OF_LOOKS.items():
            look = looks.newest(self._engine, state, name, now)
            if not isinstance(look, Missing) and isinstance(look.reading, kind) and not self._on_loopback(state, look):
                found[source] = date_of(look.at - look.reading.age)
        if looks_at:
            found[SourceName.CONDITIONS] = found[SourceName.HISTORY] = date_of(max(looks_at))
        return found

    def _on_loopback(self, state: TargetState, look: Look) -> bool:
        """Whether it is a look at an OPA that cannot be asked from outside the pod."""
        opa = look.reading
        if not isinstance(opa, OPAReading) or not opa.silent:
            return False
        return looks.is_on_loopback(state.target, opa, looks.of_source(self._engine, state, "opa"))

    def take(self, state: TargetState, past: Past, now: float) -> bool:
        """Take in what is new at `now` (steady seconds); whether the looks show another thing than before."""
        changed = False
        if state.results is not past.results or now > past.stale_at:
            last, past.results, past.stale_at = past.results, state.results, self._stale_at(state, now)
            for index, result, verdicts in self._board.fresh(state.results, self._board.oldest(now)):
                changed |= past.followed.take(index, result, verdicts, now, last[index] if last else None)
        if state.looks is not past.looks:
            before, past.looks = past.looks, state.looks
            for name, look in state.looks.items():
                if look is not before.get(name):
                    changed |= self._taken(name, look, state, past)
        if (crossed := past.counted.crossed(now)) is not past.crossed:
            changed |= crossed != past.crossed
            past.crossed = crossed
        return changed

    def _stale_at(self, state: TargetState, now: float) -> float:
        """When the first of the results that are fresh now will be too old, steady seconds."""
        ends = [
            result.at + after
            for result, after in zip(state.results, self._board.stale_after, strict=True)
            if result is not None
        ]
        return min((each for each in ends if each > now), default=inf)

    def _taken(self, name: str, look: Look, state: TargetState, past: Past) -> bool:
        """Count what one look told; whether it shows another thing than the one before."""
        opened = False
        if name == "agent_metrics":
            slo, process = self._result(state, "slo"), process_of(self._result(state, "telemetry"))
            past.counted.page(look, slo, state.target.limits.get("slo"), process)
            opened = past.openings.look(look.at, look.reading, self._result(state, "breaker"), process)
        elif name == "opa":
            isolated = self._engine.fleet.isolation.isolated
            past.counted.opa(look, reached="opa" in state.reached, isolated=isolated)
        before, past.shown[name] = past.shown.get(name), _shown(look)
        return opened or before != past.shown[name]

    def _result(self, state: TargetState, probe: str) -> ProbeResult | None:
        place = self._places.get(probe)
        return state.results[place] if place is not None else None

    def _handshake(self, state: TargetState, now: float) -> Seen[object] | Missing:
        look = looks.newest(self._engine, state, "handshake", now)
        if isinstance(look, Missing) or not isinstance(look.reading, Handshake):
            return look if isinstance(look, Missing) else NOT_SEEN
        verdicts = looks.of_source(self._engine, state, "handshake")
        tries = self._tries_of(AgentRef(state.target.key.namespace, state.target.key.agent))
        return self._seen(looks.served_port(state.target, look.reading, verdicts, tries), state, look)

    def _page(self, state: TargetState, past: Past, now: float) -> Seen[object] | Missing:
        look = looks.newest(self._engine, state, "agent_metrics", now)
        if isinstance(look, Missing) or not isinstance(look.reading, RememberedPage):
            return look if isinstance(look, Missing) else NOT_SEEN
        page, target = look.reading, state.target
        process = process_of(self._result(state, "telemetry"))
        value = MetricsLook(
            status=page.status,
            error=page.error,
            families=page.families,
            verdicts=looks.of_source(self._engine, state, "agent_metrics"),
            traffic=past.counted.traffic(now),
            own_port=looks.on_own_port(target.metrics or "", target.address),
            with_credentials=looks.with_credentials(self._engine, target),
            in_turn=process is not None and process.in_turn,
        )
        return self._seen(value, state, look)

    def _opa(self, state: TargetState, past: Past, now: float) -> Seen[object] | Missing:
        look = looks.newest(self._engine, state, "opa", now)
        if isinstance(look, Missing) or not isinstance(look.reading, OPAReading):
            return look if isinstance(look, Missing) else NOT_SEEN
        if self._on_loopback(state, look):
            next_at = self._board.date_of(look.at + self._engine.interval("opa"))
            return Missing(UnknownReason.UNREACHABLE, _LOOPBACK, next_at, AttestableWhen.OPA_ON_LOOPBACK)
        verdicts, logs = looks.of_source(self._engine, state, "opa"), look.reading.logs
        logs_at = None if logs is None else self._board.date_of(logs.at)
        return self._seen(OPALook(look.reading, verdicts, *past.counted.decisions(now), logs_at), state, look)

    def _conditions(self, state: TargetState, past: Past, now: float) -> Seen[object] | Missing:
        newest = max((each.at for each in state.looks.values()), default=None)
        if newest is None:
            return _nothing_yet(state)
        fresh = self._board.fresh(state.results, self._board.oldest(now))
        verdicts = looks.together(found for _, _, found in fresh)
        told, busy, slow = past.counted.seconds(now)
        value = PodConditions(
            verdicts=verdicts,
            since=self._board.date_of(past.followed.since),
            past=past.followed.past(now, self._board.date_of),
            alert_waits=self._alert_waits,
            requests=past.counted.requests(now),
            told=told,
            busy=busy,
            slow=slow,
        )
        return Seen(value, self._board.date_of(newest), _pod(state), looks.of_conditions(verdicts))

    def _history(self, state: TargetState, past: Past, now: float) -> Seen[object] | Missing:
        newest = max((each.at for each in state.looks.values()), default=None)
        if newest is None:
            return _nothing_yet(state)
        date_of = self._board.date_of
        svid, telemetry = self._result(state, "svid"), process_of(self._result(state, "telemetry"))
        openings = tuple((date_of(at), callee) for at, callee in past.openings.needless)
        followed = past.followed.past(now, date_of)
        value = PodHistory(since=date_of(past.followed.since), past=followed, needless_openings=openings)
        if svid is not None and isinstance(getattr(svid.history, "served", None), Served):
            remembered = cast("_SvidPast", svid.history)
            served, rotated = remembered.served, remembered.last_rotation
            value = PodHistory(
                since=value.since,
                past=value.past,
                needless_openings=openings,
                served_since=None if served.since is None else date_of(served.since),
                serial=remembered.serial,
                not_before=remembered.dates[0],
                not_after=remembered.dates[1],
                rotated_at=None if rotated is None else date_of(rotated),
                left=served.left,
                process_started=telemetry.started if telemetry is not None else None,
                without_svid=(date_of(served.without[0]), date_of(served.without[1])) if served.without else None,
            )
        return Seen(value, date_of(newest), _pod(state))

    def _seen(self, value: object, state: TargetState, look: Look) -> Seen[object]:
        at, next_at = look.at - look.reading.age, look.at + self._engine.interval(look.source)
        where, date_of = looks.ref(state.target, look.source), self._board.date_of
        return Seen(value, date_of(at), where, looks.summary(look.reading), date_of(next_at))


_LOOPBACK = "Its OPA listens on loopback only, as it should, so it cannot be asked from outside the pod."


def _nothing_yet(state: TargetState) -> Missing:
    if not any(result is not None for result in state.results):
        return Missing(UnknownReason.SOURCE_MISSING, "The watcher judges no condition of this target.")
    return Missing(UnknownReason.OBSERVING, "No probe of this target has ended yet.")


def _pod(state: TargetState) -> str:
    return f"pod/{state.target.key.namespace}/{state.target.key.pod}"


def _shown(look: Look) -> tuple[object, ...]:
    """What a look showed, without what moves at each."""
    match look.reading:
        case Handshake() as port:
            return port.spoke, port.fault, port.leaf, port.completed, port.bundle
        case RememberedPage() as page:
            return page.families, page.trouble, page.fault, page.status
        case OPAReading() as opa:
            policies, report = opa.policies, opa.report and opa.report.revisions
            policy = policies and (policies.digest, policies.status), is_old(opa, look.at), report
            return opa.fault, opa.logs and opa.logs.kept, policy, *[each.reply.actual for each in opa.answers]
    return ()
