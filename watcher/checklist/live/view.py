"""What pages, API and metrics may know of the checklist. Nothing is judged for who reads."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from probes.controls.catalogue.loading import Catalogue
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, RecordRef, State
from probes.controls.profile import Profile
from probes.controls.readiness import Readiness
from watcher.checklist.agent_report import AgentReport, Chosen, Report, agent_report
from watcher.checklist.live.agent_verdict import AgentVerdict, Digests
from watcher.checklist.live.checklist import Checklist
from watcher.checklist.live.history.past_days import PastDays
from watcher.checklist.live.kept.keeper import FindingsKeeper
from watcher.checklist.live.records.book import RecordBook
from watcher.checklist.live.turns import Regression
from watcher.checklist.turned_finding import TurnedFinding


class ChecklistView:
    """As of now: two questions in two turns of the loop may have the answers of two verdicts."""

    def __init__(
        self, checklist: Checklist, keeper: FindingsKeeper, shard: str = "", records: RecordBook | None = None
    ) -> None:
        """`shard`: by whose pods agents are judged, a sentence; empty where it is by all."""
        self._checklist, self._keeper, self.shard = checklist, keeper, shard
        self.history: PastDays | None = None  # None: no day is kept
        self.troubles: list[Callable[[], str]] = []  # why something beside it does not work, a sentence; empty: it does
        self.records = records  # what people and pipelines say; None: nobody is asked

    @property
    def catalogue(self) -> Catalogue:
        """The controls that agents are judged by."""
        return self._checklist.criteria.catalogue

    def agents(self) -> Sequence[AgentRef]:
        """All that were judged, by name."""
        return sorted(ref for ref, agent in self._checklist.roster.agents.items() if agent.verdict is not None)

    @property
    def waiting(self) -> int:
        """How many agents were not judged yet."""
        return sum(agent.verdict is None for agent in self._checklist.roster.agents.values())

    def verdict(self, agent: AgentRef) -> AgentVerdict | None:
        """What is kept of an agent beside its findings; None for one that was not judged, or is not there."""
        found = self._checklist.roster.agents.get(agent)
        return found.verdict if found is not None else None

    def readiness(self, agent: AgentRef) -> Readiness:
        """Whether it is ready; LookupError for an agent that was not judged."""
        return self._judged(agent).readiness

    def profile(self, agent: AgentRef) -> Profile:
        """By what it was judged; LookupError for an agent that was not."""
        return self._judged(agent).profile

    def required(self, agent: AgentRef) -> frozenset[str]:
        """The ids of the controls that its readiness rests on; LookupError for an agent that was not judged."""
        return self._checklist.criteria.required(self._judged(agent).profile)

    def findings(self, agent: AgentRef) -> Mapping[str, Finding]:
        """By control, in the order of the catalogue; empty for an agent that was not judged. Costs a millisecond."""
        return self._checklist.store.get(agent) if self.verdict(agent) is not None else {}

    def states(self, agent: AgentRef) -> Sequence[State]:
        """The state of each control, in the order of the catalogue; empty for an agent that was not judged. Cheap."""
        return self._checklist.store.states(agent) if self.verdict(agent) is not None else []

    def codes(self, agent: AgentRef) -> "array[int] | None":
        """One array as long as its findings may be the same; None for an agent that was not judged, or is gone."""
        packed = self._checklist.store.packed(agent) if self.verdict(agent) is not None else None
        return packed.codes if packed is not None else None

    def resting(self, agent: AgentRef) -> Iterator[tuple[str, State, RecordRef]]:
        """Controls of this agent whose findings rest on a record, with their state. Cheap."""
        return self._checklist.store.resting(agent)

    def digests(self, agent: AgentRef) -> Digests:
        """What ran of it when it was judged, or why that is not known; LookupError for an agent that was not judged."""
        return self._judged(agent).digests

    def regressed(self, agent: AgentRef) -> Mapping[str, Regression]:
        """Required controls that were met within the last week, and no longer are."""
        found = self._checklist.roster.agents.get(agent)
        return found.past.regressed if found is not None else {}

    def report_of(self, agent: AgentRef, chosen: Chosen) -> AgentReport:
        """One agent as all formats show it; LookupError for one that was not judged."""
        verdict, findings = self._judged(agent), self.findings(agent)
        required, name = self.required(agent), verdict.profile.name
        return agent_report(agent, verdict.labels, None, findings, self.catalogue, chosen, required, name)

    def report(self, agents: Iterable[AgentRef], chosen: Chosen) -> Report:
        """The same of several; those that are gone meanwhile are left out."""
        shown = [self.report_of(each, chosen) for each in agents if self.verdict(each) is not None]
        return Report(self.catalogue, self.now, shown, self.problems, self.notes)

    def turned(self, since: float) -> Sequence[TurnedFinding]:
        """Findings that turned since then (Unix seconds), the newest last; of very many the newest."""
        return [each for each in self._keeper.turned if each.at >= since]

    def sources(self) -> Mapping[str, str]:
        """Each source that is configured and installed -> why it is down, one word; empty where it is up."""
        return self._checklist.gathering.sources_up()

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self._checklist.clock.date_of(self._checklist.clock.steady())

    @property
    def last_complete(self) -> float | None:
        """Unix seconds: when the last round over all agents was complete; None before all were judged once."""
        moment = self._checklist.last_complete
        return None if moment is None else self._checklist.clock.date_of(moment)

    @property
    def problems(self) -> Sequence[str]:
        """Why not all agents are judged, a sentence each."""
        count = self.waiting
        return (f"{count} agent{' is' if count == 1 else 's are'} not judged yet",) if count else ()

    @property
    def notes(self) -> Sequence[str]:
        """Which evidence cannot be had, and by which pods agents are judged where it is not by all, a sentence each."""
        down = [f"no evidence from {name}: {why}" for name, why in self.sources().items() if why]
        notes = [*down, *filter(None, (each() for each in self.troubles))]
        return [self.shard, *notes] if self.shard else notes

    def _judged(self, agent: AgentRef) -> AgentVerdict:
        verdict = self.verdict(agent)
        if verdict is None:
            raise LookupError(f"{agent} was not judged")
        return verdict
