"""What a change cannot have turned is not judged again: the findings are those of who judges all of it each time."""

from collections.abc import Iterable
from math import inf

from hypothesis import Phase, settings
from hypothesis import given as by
from hypothesis import strategies as st

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import Missing, Seen
from probes.controls.finding import EvidenceShown, Finding
from probes.readings.health.answer import HealthAnswer, PathAnswer, Way
from tests.checklist.live.judged import SEARCH, START, Given, Live, Told, given, pod_target
from tests.probes.controls.judges.known.test_of_what_is_known import VALUES
from tests.probes.controls.judges.kubernetes_pod.pods import container, pod
from watcher.checklist.agent_config import read_agent_config

HEALTH, CONFIG, POD = SourceName.HEALTH, SourceName.AGENT_CONFIG, SourceName.KUBERNETES_POD
PODS = ("search-0", "search-1")
CONFIGS = (
    "agent: {name: search, trust_domain: example.org}",
    "agent: {name: search}",
    "security: {tls: {min_version: '1.2'}}\nobservability: {metrics: {enabled: true}}",
)
_HEALTH = st.sampled_from([None, *(PathAnswer("/health", status) for status in (200, 401, 503))]).map(
    lambda health: HealthAnswer(way=Way.MTLS, health=health, error="" if health else "It refused.")
)
_LIVE = st.sampled_from(
    [
        pod(made, container(restarts=restarts)).sources[POD].value  # type: ignore[union-attr]
        for restarts in (0, 7)
        for made in ("{containers: [{name: agent}]}", "{containers: [{name: agent, image: a}], hostNetwork: true}")
    ]
)
_OF_PODS: dict[SourceName, st.SearchStrategy[object]] = {**VALUES, HEALTH: _HEALTH, POD: _LIVE}
_MISSING = st.sampled_from([UnknownReason.OBSERVING, UnknownReason.FORBIDDEN, UnknownReason.SOURCE_MISSING])


class Fleet:
    """One agent of two pods, each source of which is told by somebody else; `whole`: that it is said of anything."""

    def __init__(self, *, whole: bool) -> None:
        self.places = {source: Told() for source in (*_OF_PODS, CONFIG)}
        self.live, self.whole = Live(providers=list(self.places.values())), whole
        self.live.watch(*map(pod_target, PODS))
        self.live.wait(70)

    def tell(self, source: SourceName, found: Iterable[Given]) -> None:
        """This source shows something else of each pod from now on, and all that is as it was is seen once more."""
        of = list(found)
        by_pod = {name: {source: each} for name, each in zip(PODS, of, strict=False)}
        self.places[source].tell(SEARCH, given({CONFIG: of[0]}) if source is CONFIG else given({}, by_pod))
        if self.whole:
            self.live.checklist.roster.agents[SEARCH].whole_at = -inf
        self.live.wait(6)

    def findings(self) -> dict[str, Finding]:
        """All of them, but for what moves by itself: as after a look through, dates may be newer than the evidence that
        a finding is kept by."""
        every = self.live.view.findings(SEARCH).items()
        return {name: each._replace(next_decided_at=None, evidence=_undated(each)) for name, each in every}


def _undated(finding: Finding) -> tuple[EvidenceShown, ...]:
    return tuple(sorted(each._replace(observed_at=0.0) for each in finding.evidence))


@st.composite
def _change(draw: st.DrawFn) -> tuple[SourceName, list[object]]:
    source = draw(st.sampled_from([*_OF_PODS, CONFIG]))
    if source is CONFIG:
        return source, [draw(st.sampled_from(CONFIGS))]
    values = st.one_of(_OF_PODS[source], _OF_PODS[source], _MISSING)
    return source, [draw(values) for _ in PODS]


def _found(source: SourceName, value: object, at: float) -> Given:
    if isinstance(value, UnknownReason):
        return Missing(value, f"It is {value}.")
    if isinstance(value, str):
        return Seen(read_agent_config(value.encode(), "1.0.0", in_place=True), at, "configmap/prod/search")
    return Seen(value, at, f"{source}/prod")


@settings(max_examples=15, phases=[Phase.generate])  # each judges two agents again and again
@by(st.lists(_change(), min_size=2, max_size=8))
def test_findings_after_changes_of_single_sources_are_those_of_who_judges_all_anew(
    changes: list[tuple[SourceName, list[object]]],
) -> None:
    in_part, whole = Fleet(whole=False), Fleet(whole=True)
    for source, values in changes:
        for fleet in (in_part, whole):
            fleet.tell(source, [_found(source, each, START + fleet.live.uptime) for each in values])
        others = whole.findings()
        assert {name: (each, others[name]) for name, each in in_part.findings().items() if each != others[name]} == {}
