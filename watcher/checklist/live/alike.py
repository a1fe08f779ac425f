"""Findings of controls of which there is no evidence at all: half of the catalogue, and the same for all agents."""

from collections.abc import Mapping
from functools import lru_cache

from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.terms import Automation
from probes.controls.evidence import AgentRef, EvidenceSet, Pod
from probes.controls.finding import NOTHING_REMEMBERED, Finding, State
from probes.controls.verdict.control import judge_control
from watcher.checklist.live.criteria import Criteria

_UNKNOWN, _ROLLUP = State.UNKNOWN, Automation.ROLLUP
_NOBODY = AgentRef("", "")
_NO_ACCOUNTS: frozenset[str] = frozenset()


class Alike:
    """Makes each of them once."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        self._found = lru_cache(maxsize=256)(self._made)

    def known(self, evidence: EvidenceSet, before: Mapping[str, Finding], now: float) -> Mapping[str, Finding]:
        """Those of this agent, by control; `before`: its findings until now, `now`: Unix seconds."""
        given = frozenset(evidence.sources).union(*[pod.sources for pod in evidence.pods.values()])
        known = {}
        for name, finding in self._found(given, len(evidence.pods)).items():
            was = before.get(name)
            if was is None:
                known[name] = finding._replace(since=now)
            elif was.state is _UNKNOWN and was.memory == NOTHING_REMEMBERED and was.record is None:
                known[name] = finding._replace(since=was.since)
        return known

    def _made(self, given: frozenset[SourceName], pods: int) -> Mapping[str, Finding]:
        """Of an agent with so many pods, of which none of the other sources says anything."""
        facts, judges = self._criteria.facts(0.0, _NO_ACCOUNTS), self._criteria.judges
        nothing = EvidenceSet(_NOBODY, {}, {str(number): _pod(str(number)) for number in range(pods)})
        return {
            control.id: judge_control(control, nothing, facts, judges)
            for control in self._criteria.catalogue.controls
            if control.automation is not _ROLLUP
            and control.applies_when is None
            and not any(spec.source in given for spec in control.evidence)
        }


def _pod(name: str) -> Pod:
    return Pod(name, "", 0.0, terminating=False, ready_since=None, watched_since=0.0)
