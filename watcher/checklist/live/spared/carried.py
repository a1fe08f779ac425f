"""Findings that nothing that changed can have turned: they are carried on as they are, with the new dates.

1. Whoever tells of a change gives some sources. Only what may read one of these is judged, and what is open: an unknown
   finding that time decides, one that waits for a second look.
2. All else that verdicts rest on is the agent's frame: its pods and which of them vote, digests, version, accounts.
   Where that is another than at the last verdict, all is judged.
3. So it is WHOLE seconds after all was judged last, for judges may go by the time.
"""

from collections.abc import Collection, Mapping

from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.terms import Automation
from probes.controls.evidence import Missing, Pod
from probes.controls.finding import EvidenceShown, Finding
from probes.controls.verdict.voting import voters
from watcher.checklist.live.accounts import Accounts
from watcher.checklist.live.criteria import Criteria
from watcher.checklist.live.gathering import Gathered
from watcher.checklist.live.moments import DECIDED_BY_TIME, Dates, Lapsed
from watcher.checklist.live.roster import ANYTHING, ListedAgent

WHOLE = 900.0
"""Seconds for which an agent of which something changes is judged in part only: as long as most evidence holds."""

_ROLLUP = Automation.ROLLUP


def frame_of(gathered: Gathered, accounts: Accounts, now: float) -> int:
    """Differs where all controls must be judged; `now`: Unix seconds."""
    evidence = gathered.evidence
    digests = frozenset((bind, _essence(found)) for bind, found in evidence.digests.items())
    pods = frozenset(map(_facts, evidence.pods.values()))
    return hash((evidence.version, digests, pods, voters(evidence.pods, now), gathered.failed, accounts))


def changed_in(
    agent: ListedAgent,
    changed_by: frozenset[int],
    given: frozenset[SourceName] | None,
    frame: int,
    found: Lapsed,
    now: float,
) -> frozenset[SourceName] | None:
    """The sources in which something may be different since its last verdict; None: all is to be judged.

    `given`: the sources of the providers that told of a change; `frame`: as it is now; `found`: what is too old now;
    `now`: steady seconds.
    """
    same, agent.frame = agent.verdict is not None and frame == agent.frame, frame
    late = now >= agent.whole_at or (bool(changed_by) and now - agent.whole_since >= WHOLE)
    if given is None or late or not same or changed_by & ANYTHING:
        return None
    return given.union([source for source, _, _ in found.already ^ agent.lapsed])


def _essence(found: frozenset[str] | Missing) -> object:
    return (found.reason, found.message) if isinstance(found, Missing) else found


def _facts(pod: Pod) -> tuple[object, ...]:
    return pod.name, pod.revision, pod.revision_at, pod.terminating, pod.ready_since, pod.watched_since, pod.workload


def carried(
    criteria: Criteria, before: Mapping[str, Finding], changed: Collection[SourceName] | None, dates: Dates
) -> dict[str, Finding]:
    """By control, those `before` that no change in these sources can turn; None: whatever it is that changed.

    `dates`: when each source was seen last. Roll-ups are not among them: they are made of the others.
    """
    if changed is None:
        return {}
    again = _Dated(dates)
    return {
        control.id: was._replace(evidence=again(was.evidence))
        for control in criteria.catalogue.controls
        if (was := before.get(control.id)) is not None
        and control.automation is not _ROLLUP
        and not (was.next_decided_at is not None and was.reason in DECIDED_BY_TIME)
        and not was.memory.suspects
        and criteria.reads.untouched(control.id, changed)
    }


class _Dated:
    """Many findings of an agent show the same pieces of evidence: they do so with the new dates too."""

    def __init__(self, dates: Dates) -> None:
        self._dates = dates
        self._made: dict[int, tuple[EvidenceShown, ...]] = {}  # by the identity of what is kept by its findings

    def __call__(self, shown: tuple[EvidenceShown, ...]) -> tuple[EvidenceShown, ...]:
        """The same pieces, as they were seen last."""
        found = self._made.get(id(shown))
        if found is None:
            found = self._made[id(shown)] = tuple([self._dated(each) for each in shown])
        return found

    def _dated(self, shown: EvidenceShown) -> EvidenceShown:
        at = self._dates.get((shown.source, shown.pod), 0.0)
        return shown._replace(observed_at=at) if at > shown.observed_at else shown
