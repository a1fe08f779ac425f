"""The provider of what is known of the documents that records link to, and of the runbooks that alerts name."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from probes.contract import NameLookup, Target, TargetKey
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, DeadLink, DocumentLinks, Missing, Seen
from watcher.checklist.live.document_links.known import KnownLinks
from watcher.checklist.live.document_links.trying import LinkTrying, is_listed
from watcher.checklist.live.provider import Presence, Provided
from watcher.config.witnesses.document_links import DocumentLinksSettings
from watcher.engine.board import TargetState
from watcher.runtime.clock import Clock
from watcher.runtime.cooperative import TimeSlice

_SOURCE = SourceName.DOCUMENT_LINK
_FOLLOWED_EVERY, _APART = 60.0, 2.0
"""Seconds from one look at which links there are to the next, and from one link that is tried to the next."""

_OFF = Missing(UnknownReason.NOT_ENABLED, "Links are not tried: checklist.document_links.check is off.")
_NO_LINK = Missing(UnknownReason.SOURCE_MISSING, "No record or alert of the agent links to a host that is listed.")
_NOT_YET = Missing(UnknownReason.OBSERVING, "Its links have not been tried yet.")


class Linking(Protocol):
    """What links to a document: a record."""

    @property
    def control(self) -> str:
        """Of which it speaks."""

    @property
    def evidence_url(self) -> str:
        """The link; empty where there is none."""


class Named(Protocol):
    """A document that something else than a record links to: a runbook."""

    @property
    def control(self) -> str:
        """That it refutes, where it is dead."""

    @property
    def url(self) -> str:
        """The link."""

    @property
    def linked_by(self) -> str:
        """What links to it: `the alert HighLatency`."""


Runbooks = Callable[[AgentRef, Sequence[str]], Sequence[Named] | None]
"""Those of the alerts that watch an agent with these pods; None where they are not known yet."""


class _Linked(NamedTuple):
    control: str
    url: str
    linked_by: str


class LinkEvidence:
    """Tries links in turns. `tick` is to be called each second."""

    def __init__(
        self,
        settings: DocumentLinksSettings,
        records: Callable[[AgentRef], Iterable[Linking]],
        runbooks: Runbooks,
        states: Callable[[], Mapping[TargetKey, TargetState]],
        names: NameLookup,
        clock: Clock,
        state_dir: Path | None,
    ) -> None:
        """`records`: those of an agent that are valid; `state_dir`: where what is known is kept; None: nowhere."""
        self._settings, self._records, self._states, self._clock = settings, records, states, clock
        self._runbooks = runbooks
        self._trying, self.known = LinkTrying(names), KnownLinks(state_dir)
        self._links: dict[AgentRef, tuple[_Linked, ...]] = {}
        self._untold: set[AgentRef] = set()  # whose alerts are not known yet
        self._changed: set[AgentRef] = set()
        self._followed_at = self._tried_at = float("-inf")  # steady seconds
        self._ticking = False

    def adopt(self, settings: DocumentLinksSettings) -> None:
        """Try by these settings from now on."""
        self._settings, self._followed_at = settings, float("-inf")
        self._changed.update(self._links)

    async def tick(self) -> None:
        """Try the link that is due."""
        if self._ticking or not self._settings.check:
            return
        self._ticking = True
        try:
            await self._follow()
            now, date = self._clock.steady(), self._date()
            if now - self._tried_at >= _APART and (url := self.known.next_due(date)) is not None:
                self._tried_at = now
                first = not self.known.tried_at(url)
                if self.known.note(url, await self._trying.look(url), self._date()) or first:
                    self._changed.update(agent for agent, links in self._links.items() if _has(links, url))
        finally:
            self._ticking = False

    def agents(self) -> Collection[AgentRef]:
        """None but those of the targets."""
        return ()

    def presence(self, _: AgentRef, /) -> Presence:
        """Gone: only records of agents with targets are looked at."""
        return Presence.GONE

    def evidence_of(self, agent: AgentRef, _: Sequence[Target], /) -> Provided:
        """What is known of the links of its records."""
        return Provided({_SOURCE: self._found(agent)})

    def take_changed(self) -> Collection[AgentRef]:
        """Of which agents a link is known to be another thing than before."""
        changed, self._changed = self._changed, set()
        return changed

    def sources_up(self) -> Mapping[str, str]:
        """None: each host is a source of its own, and no alert of the platform's."""
        return {}

    def _found(self, agent: AgentRef) -> Seen[object] | Missing:
        if not self._settings.check:
            return _OFF
        links = self._links.get(agent, ())
        tried = [each for each in links if self.known.tried_at(each.url)]
        if not tried:
            return _NOT_YET if links else _NO_LINK
        dead: dict[str, list[DeadLink]] = {}
        for each in tried:
            if (found := self.known.dead(each.url)) is not None:
                dead.setdefault(each.control, []).append(found._replace(linked_by=each.linked_by))
        by_control = {control: tuple(found) for control, found in dead.items()}
        value = DocumentLinks(len(tried), by_control, untold=agent in self._untold)
        return Seen(value, max(self.known.tried_at(each.url) for each in tried), "links of its records and alerts")

    async def _follow(self) -> None:
        now, time_slice = self._clock.steady(), TimeSlice()
        if now - self._followed_at < _FOLLOWED_EVERY:
            return
        self._followed_at = now
        links, agents = dict[AgentRef, tuple[_Linked, ...]](), dict[AgentRef, list[str]]()
        for key in list(self._states()):
            agents.setdefault(AgentRef(key.namespace, key.agent), []).append(key.pod)
            await time_slice.checkpoint()
        untold = set()
        for agent, pods in agents.items():
            runbooks = self._runbooks(agent, pods) if self._settings.allow_hosts else ()
            if runbooks is None:
                untold.add(agent)
            links[agent] = tuple(self._listed(agent, runbooks or ()))
            await time_slice.checkpoint()
        self._links, self._untold = links, untold
        self.known.want({each.url for every in links.values() for each in every}, self._date())

    def _listed(self, agent: AgentRef, runbooks: Iterable[Named]) -> Iterator[_Linked]:
        hosts = self._settings.allow_hosts
        for record in self._records(agent):
            if is_listed(record.evidence_url, hosts):
                yield _Linked(record.control, record.evidence_url, "a record")
        for each in runbooks:
            if is_listed(each.url, hosts):
                yield _Linked(each.control, each.url, each.linked_by)

    def _date(self) -> float:
        return self._clock.date_of(self._clock.steady())


def _has(links: Iterable[_Linked], url: str) -> bool:
    return any(each.url == url for each in links)
