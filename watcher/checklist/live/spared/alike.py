"""Findings of controls whose evidence is not there, or turned off: half of the catalogue, the same for all agents."""

from collections.abc import Mapping, Sequence

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.catalogue.terms import Automation, Scope
from probes.controls.evidence import AgentRef, EvidenceSet, Missing, Pod
from probes.controls.finding import NOTHING_REMEMBERED, Finding, State
from probes.controls.records import Record
from probes.controls.verdict.control import judge_control
from watcher.checklist.live.accounts import Accounts
from watcher.checklist.live.criteria import Criteria
from watcher.runtime.cooperative import TimeSlice

_UNKNOWN, _ROLLUP, _NOT_ENABLED = State.UNKNOWN, Automation.ROLLUP, UnknownReason.NOT_ENABLED
_RELEASE, _ROLLOUT = Scope.RELEASE, SourceName.ROLLOUT
_NOBODY = AgentRef("", "")
_MOST = 50_000  # of a hundred controls, agents with five hundred different numbers of pods


class Alike:
    """Makes each of them once."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        self._made: dict[
            tuple[str, int, tuple[Missing, ...]], Finding
        ] = {}  # by control, number of pods and what is off
        self._controls = [
            each for each in criteria.catalogue.controls if each.automation is not _ROLLUP and each.applies_when is None
        ]

    async def known(
        self,
        evidence: EvidenceSet,
        before: Mapping[str, Finding],
        records: Sequence[Record],
        now: float,
        time_slice: TimeSlice,
    ) -> Mapping[str, Finding]:
        """Those of this agent, by control; `before`: its findings until now, `now`: Unix seconds.

        What its `records` speak of is not among them.
        """
        spoken = {each.control for each in records}
        off = {
            source: found
            for source, found in evidence.sources.items()
            if isinstance(found, Missing) and found.reason is _NOT_ENABLED
        }
        given = (evidence.sources.keys() - off.keys()).union(*[pod.sources for pod in evidence.pods.values()])
        known = {}
        for control in self._controls:
            if control.id in spoken or any(spec.source in given for spec in control.evidence):
                continue
            if control.scope is _RELEASE and _ROLLOUT in given:  # it is about that rollout
                continue
            was = before.get(control.id)
            if was is None:
                known[control.id] = self._found(control, len(evidence.pods), off)._replace(since=now)
            elif was.state is _UNKNOWN and was.memory == NOTHING_REMEMBERED and was.record is None:
                known[control.id] = self._found(control, len(evidence.pods), off)._replace(since=was.since)
            await time_slice.checkpoint()
        return known

    def _found(self, control: Control, pods: int, off: Mapping[SourceName, Missing]) -> Finding:
        """Of an agent with so many pods, of which no source of the control says anything; some are turned off."""
        sources = {each.source: off[each.source] for each in control.evidence if each.source in off}
        key = control.id, pods, tuple(sources.values())
        if key not in self._made:
            if len(self._made) >= _MOST:
                self._made.clear()
            nothing = EvidenceSet(_NOBODY, sources, {str(number): _pod(str(number)) for number in range(pods)})
            facts = self._criteria.facts(0.0, Accounts())
            self._made[key] = judge_control(control, nothing, facts, self._criteria.judges)
        return self._made[key]


def _pod(name: str) -> Pod:
    return Pod(name, "", 0.0, terminating=False, ready_since=None, watched_since=0.0)
