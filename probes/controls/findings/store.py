"""The newest findings of many agents."""

from collections.abc import Iterable, Iterator, Mapping

from probes.controls.catalogue.control import Control, SourceName
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, RecordRef, State
from probes.controls.findings.packed import Packed, dated, pack_in_steps, records, states, unpack
from probes.controls.steps import Steps, finished


class FindingStore:
    """Findings by agent. What two of an agent have in common is kept once."""

    def __init__(self, controls: Iterable[Control]) -> None:
        self._ids = tuple(each.id for each in controls)
        self._packed: dict[AgentRef, Packed] = {}

    def put(self, agent: AgentRef, findings: Mapping[str, Finding]) -> None:
        """Keep these, one of each control, instead of what was there of this agent."""
        self.put_packed(agent, finished(self.packed_in_steps(findings)))

    def packed_in_steps(self, findings: Mapping[str, Finding]) -> Steps[Packed]:
        """These, one of each control, as they are kept."""
        return pack_in_steps([findings[each] for each in self._ids])

    def put_packed(self, agent: AgentRef, packed: Packed) -> None:
        """Keep these instead of what was there of this agent."""
        self._packed[agent] = packed

    def see(self, agent: AgentRef, dates: Mapping[tuple[SourceName, str], float]) -> None:
        """What its findings rest on was seen again, and is as it was: Unix seconds, by source and pod."""
        packed = self._packed.get(agent)
        if packed is not None:
            self._packed[agent] = dated(packed, dates)

    def remove(self, agent: AgentRef) -> None:
        """Forget an agent that is gone."""
        self._packed.pop(agent, None)

    def packed(self, agent: AgentRef) -> Packed | None:
        """The same as they are kept."""
        return self._packed.get(agent)

    def states(self, agent: AgentRef) -> list[State]:
        """The state of each control of an agent, in the order of the catalogue; empty where there are none. Cheap."""
        packed = self._packed.get(agent)
        return [] if packed is None else states(packed)

    def resting(self, agent: AgentRef) -> Iterator[tuple[str, State, RecordRef]]:
        """Controls of an agent whose findings rest on a record, with their state. Cheap."""
        packed = self._packed.get(agent)
        return iter(()) if packed is None else ((self._ids[place], state, of) for place, state, of in records(packed))

    def agents(self) -> Iterator[AgentRef]:
        """All that have findings."""
        return iter(self._packed)

    def get(self, agent: AgentRef) -> dict[str, Finding]:
        """The findings of an agent by control, in the order of the catalogue; empty where there are none."""
        packed = self._packed.get(agent)
        return {} if packed is None else dict(zip(self._ids, unpack(self._ids, packed), strict=True))
