"""Evidence of one agent from several places, put together: in short steps, and what one of them does wrong."""

from collections.abc import Sequence

import pytest

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, Missing, Seen
from probes.controls.steps import finished
from tests.checklist.live.judged import SEARCH, START, Told, pod_target
from watcher.checklist.live.gathering import Gathering
from watcher.checklist.live.moments import dates_of
from watcher.checklist.live.provider import Provided, Sources, SourcesOfPods

OPA, PAGE, RECORD = SourceName.OPA, SourceName.AGENT_METRICS, SourceName.RECORD
MANY = 2_000
TARGETS = [pod_target(f"search-{number}") for number in range(MANY)]


class Asked(Told):
    """Counts of how many pods it was asked, and raises at one of them."""

    def __init__(self, source: SourceName, bad: str = "") -> None:
        super().__init__()
        self.source, self.bad, self.pods = source, bad, 0

    def evidence_of(self, _: AgentRef, pods: Sequence[Target], /) -> Provided:
        return Provided(pods=SourcesOfPods({each.key.pod: None for each in pods}, self._of_pod))

    def _of_pod(self, name: str) -> Sources:
        self.pods += 1
        if name == self.bad:
            raise ValueError("sk-secret")
        return {self.source: Seen(name, START, name)}


def _gathering(*providers: Told) -> Gathering:
    return Gathering(providers, lambda _, __: True)


def test_two_thousand_pods_of_one_agent_are_asked_for_a_few_in_each_step() -> None:
    providers = (Asked(OPA), Asked(PAGE))
    steps = _gathering(*providers).in_steps(SEARCH, {}, TARGETS, START)
    turns, before = 0, [0, 0]
    for _ in steps:
        after = [each.pods for each in providers]
        assert sum(after) - sum(before) <= 25
        turns, before = turns + 1, after
    assert before == [MANY, MANY]
    assert turns >= 2 * MANY / 25


def test_in_steps_and_at_once_the_same_is_found() -> None:
    found = _gathering(Asked(OPA), Asked(PAGE)).of(SEARCH, {}, TARGETS, START)
    assert list(found.evidence.pods) == [each.key.pod for each in TARGETS]
    last = found.evidence.pods["search-1999"].sources
    assert last == {OPA: Seen("search-1999", START, "search-1999"), PAGE: Seen("search-1999", START, "search-1999")}


def test_the_dates_alone_are_those_of_all_that_is_known_and_come_in_short_steps() -> None:
    providers, at = (Asked(OPA), Asked(PAGE)), {SourceName.AGENT_CONFIG: Seen("a config", START - 7, "a")}
    whole = Told()
    whole.known[SEARCH] = Provided(at, {"search-1": {SourceName.HANDSHAKE: Seen("a port", START - 9, "b")}})
    gathering = _gathering(*providers, whole)
    dates = finished(gathering.look_in_steps(SEARCH, TARGETS)).dates
    assert dates == dates_of(gathering.of(SEARCH, {}, TARGETS, START).evidence)
    turns, before = 0, sum(each.pods for each in providers)
    for _ in gathering.look_in_steps(SEARCH, TARGETS):
        after = sum(each.pods for each in providers)
        assert after - before <= 26
        turns, before = turns + 1, after
    assert turns >= 2 * MANY / 25


@pytest.mark.parametrize("bad", ["search-0", "search-1"])
def test_who_raises_at_one_pod_fails_all_its_evidence_and_maybe_what_nobody_else_gave(
    bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    gathered = _gathering(Asked(OPA, bad), Asked(PAGE)).of(SEARCH, {}, TARGETS[:3], START).evidence
    failed = {source for source, each in gathered.sources.items() if isinstance(each, Missing)}
    assert {each.reason for each in gathered.sources.values() if isinstance(each, Missing)} == {
        UnknownReason.EVALUATOR_ERROR
    }
    assert failed == set(SourceName) - {PAGE, RECORD}
    assert all(PAGE in each.sources for each in gathered.pods.values())
    assert "sk-secret" not in caplog.messages
    assert "evidence failed" in caplog.messages


def test_a_place_that_never_told_anything_and_fails_leaves_what_others_do_not_give_a_fault_of_ours() -> None:
    broken = Told()
    broken.raises = True
    sources = _gathering(Asked(PAGE), broken).of(SEARCH, {}, TARGETS[:1], START).evidence.sources
    assert {source for source, each in sources.items() if isinstance(each, Missing)} == set(SourceName) - {PAGE, RECORD}


def test_pods_that_are_no_pods_of_a_place_are_not_told_by_it() -> None:
    told = SourcesOfPods(("a",), lambda _: {})
    assert (dict(told), len(told)) == ({"a": {}}, 1)
    with pytest.raises(KeyError):
        told["b"]
