"""Findings that nothing that changed can have turned: they are carried on as they are, with the new dates.

1. Whoever tells of a change gives some sources. Only what may read one of these is judged, and what is open: an unknown
   finding that time decides, one that waits for a second look.
2. All else that verdicts rest on is the agent's frame: its pods and which of them vote, digests, version, accounts.
   Where that is another than at the last verdict, all is judged.
3. So it is WHOLE seconds after all was judged last, for judges may go by the time.
"""

from collections.abc import Collection, Iterable, Mapping

from probes.controls.catalogue.control import Control, SourceName
from probes.controls.catalogue.terms import Automation
from probes.controls.evidence import Missing, Pod
from probes.controls.finding import EvidenceShown, Finding
from probes.controls.reads import Reads
from probes.controls.verdict.voting import voters
from watcher.checklist.live.accounts import Accounts
from watcher.checklist.live.gathering import Gathered
from watcher.checklist.live.moments import DECIDED_BY_TIME, Dates

WHOLE = 900.0
"""Seconds for which an agent of which something changes is judged in part only: as long as most evidence holds."""

_ROLLUP = Automation.ROLLUP


def frame_of(gathered: Gathered, accounts: Accounts, now: float) -> int:
    """Differs where all controls must be judged; `now`: Unix seconds."""
    evidence = gathered.evidence
    digests = frozenset((bind, _essence(found)) for bind, found in evidence.digests.items())
    pods = frozenset(map(_facts, evidence.pods.values()))
    return hash((evidence.version, digests, pods, voters(evidence.pods, now), gathered.failed, accounts))


def _essence(found: frozenset[str] | Missing) -> object:
    return (found.reason, found.message) if isinstance(found, Missing) else found


def _facts(pod: Pod) -> tuple[object, ...]:
    return pod.name, pod.revision, pod.revision_at, pod.terminating, pod.ready_since, pod.watched_since, pod.workload


def carried(
    controls: Iterable[Control], before: Mapping[str, Finding], changed: Collection[SourceName], reads: Reads, dates: Dates
) -> dict[str, Finding]:
    """By control, those `before` that no change in these sources can turn; `dates`: when each source was seen last.

    Roll-ups are not among them: they are made of the others.
    """
    again = _Dated(dates)
    return {
        control.id: was._replace(evidence=again(was.evidence))
        for control in controls
        if (was := before.get(control.id)) is not None
        and control.automation is not _ROLLUP
        and not (was.next_decided_at is not None and was.reason in DECIDED_BY_TIME)
        and not was.memory.unconfirmed
        and reads.untouched(control.id, changed)
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
