"""A live checklist with made findings, and its pages as a browser gets them."""

import asyncio
from collections.abc import Mapping, Sequence

import httpx
from starlette.applications import Starlette

from probes.controls.catalogue.loading import load_catalogue
from probes.controls.catalogue.terms import Bind
from probes.controls.checklist import judge_agent
from probes.controls.evidence import AgentRef, EvidenceSet, Missing
from probes.controls.finding import Finding, State
from probes.controls.findings.store import FindingStore
from probes.controls.judging import load_judges
from probes.controls.profile import CHECKLIST, Profile
from probes.controls.readiness import Readiness, readiness_of
from tests.probes.controls.made import NOW, facts
from watcher.checklist.live.turns import Regression
from watcher.web.checklist.pages import readiness_routes

CATALOGUE = load_catalogue()
REQUIRED = CHECKLIST.required(CATALOGUE)
NOTHING_SEEN: Mapping[str, Finding] = judge_agent(
    CATALOGUE, EvidenceSet(AgentRef("prod", "search")), facts(), load_judges(), REQUIRED
)
"""The findings of an agent of which there is no evidence at all."""

NO_DIGESTS: Mapping[Bind, frozenset[str] | Missing] = {}


def finding(control: str, state: State, **more: object) -> Finding:
    """A finding of this state."""
    return NOTHING_SEEN[control]._replace(**{"state": state, "underlying": state, "reason": "", "message": "", **more})  # type: ignore[arg-type]


class MadeChecklist:
    """Agents whose findings are given; all others are unknown."""

    def __init__(
        self,
        agents: Mapping[AgentRef, Sequence[Finding]],
        *,
        profiles: Mapping[AgentRef, Profile] | None = None,
        sources: Mapping[str, str] | None = None,
        digests: Mapping[Bind, frozenset[str] | Missing] = NO_DIGESTS,
        last_complete: float | None = NOW,
        waiting: int = 0,
        regressed: Mapping[str, Regression] | None = None,
    ) -> None:
        self.catalogue, self.last_complete, self.waiting = CATALOGUE, last_complete, waiting
        self._regressed = regressed or {}
        self._store, self._profiles, self._sources, self._digests = (
            *(FindingStore(CATALOGUE.controls), profiles or {}),
            *(sources or {}, digests),
        )
        self._readiness: dict[AgentRef, Readiness] = {}
        for ref, some in agents.items():
            found = {**NOTHING_SEEN, **{each.control: each for each in some}}
            self._store.put(ref, found)
            required = self.profile(ref).required(CATALOGUE)
            self._readiness[ref] = readiness_of(found.values(), CATALOGUE.by_id, required)

    def agents(self) -> Sequence[AgentRef]:
        return sorted(self._readiness)

    def readiness(self, agent: AgentRef) -> Readiness:
        return self._readiness[agent]

    def profile(self, agent: AgentRef) -> Profile:
        return self._profiles.get(agent, CHECKLIST)

    def regressed(self, agent: AgentRef) -> Mapping[str, Regression]:
        return self._regressed if agent in self._readiness else {}

    def states(self, agent: AgentRef) -> Sequence[State]:
        return self._store.states(agent)

    def findings(self, agent: AgentRef) -> Mapping[str, Finding]:
        return self._store.get(agent)

    def digests(self, agent: AgentRef) -> Mapping[Bind, frozenset[str] | Missing]:
        return self._digests if agent in self._readiness else {}

    def sources(self) -> Mapping[str, str]:
        return self._sources


async def _no_pictures(_: str, __: str) -> None:
    """No pod is watched here."""


def get(live: MadeChecklist | None, path: str) -> httpx.Response:
    """One page."""

    async def asked() -> httpx.Response:
        app = Starlette(routes=readiness_routes(live, lambda: NOW, list, _no_pictures))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://watcher") as client:
            return await client.get(path)

    return asyncio.run(asked())
