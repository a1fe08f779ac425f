"""Taking evidence away from a running checklist makes no pass, loses no fail and raises no bound."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import Missing, Seen
from probes.controls.finding import Finding, State
from tests.checklist.live.judged import SEARCH, START, Live, Told, given, pod_target
from tests.commands.test_readiness import BAD
from watcher.checklist.agent_config import read_agent_config
from watcher.checklist.live.provider import Sources
from watcher.checklist.manifests.gathering import gather
from watcher.checklist.manifests.objects import read_objects

_ABSENCES = st.sampled_from([each for each in UnknownReason if each is not UnknownReason.OBSERVING])
_CONFIGS = st.builds(
    lambda domain, verification, action, audit: yaml.safe_dump(
        {
            "agent": {"name": "search", "trust_domain": domain},
            "transport": {"peer_verification": verification},
            "authorization": {"default_action": action},
            "observability": {"audit": {"enabled": audit}},
        }
    ),
    st.sampled_from(["example.org", "", "Bad Domain"]),
    st.sampled_from(["strict", "none", "log_only"]),
    st.sampled_from(["deny", "allow"]),
    st.booleans(),
)


def _seen(text: str, at: float) -> Seen[object]:
    return Seen(read_agent_config(text.encode(), "1.0.0", in_place=True), at, "configmap/prod/search")


class Story:
    """An agent whose evidence comes and goes."""

    def __init__(self) -> None:
        self.told = Told()
        self.live = Live(providers=[self.told])
        self.live.watch(pod_target())
        self.live.wait(1)

    def show(self, text: str) -> Mapping[str, Finding]:
        """Its config is this."""
        return self._tell(_seen(text, self.live.checklist.date()))

    def take_away(self, reason: UnknownReason | None) -> Mapping[str, Finding]:
        """It cannot be had, for this reason; None: nobody even says so."""
        return self._tell(None if reason is None else Missing(reason, "Gone."))

    def _tell(self, found: Seen[object] | Missing | None) -> Mapping[str, Finding]:
        return self.tell({} if found is None else {SourceName.AGENT_CONFIG: found})

    def tell(self, sources: Sources) -> Mapping[str, Finding]:
        """This is known of it."""
        self.told.tell(SEARCH, given(sources))
        self.live.wait(6)
        return self.live.view.findings(SEARCH)


@settings(max_examples=25)
@drawn(_CONFIGS, st.none() | _ABSENCES)
def test_a_source_that_is_taken_away_makes_no_pass_loses_no_fail_and_raises_no_bound(
    text: str, reason: UnknownReason | None
) -> None:
    story = Story()
    before = story.show(text)
    bound = story.live.view.readiness(SEARCH).lower
    after = story.take_away(reason)
    assert bound is not None
    assert (story.live.view.readiness(SEARCH).lower or 0.0) <= bound
    for name, was in before.items():
        if was.state is State.FAIL:
            assert after[name].state is State.FAIL, f"{name} no longer fails: {after[name].message}"
        if after[name].state in (State.PASS, State.NOT_APPLICABLE):
            assert was.state is after[name].state, f"{name} was {was.state}: {after[name].message}"


@settings(max_examples=10)
@drawn(st.lists(_CONFIGS | st.none() | _ABSENCES, min_size=2, max_size=5))
def test_whatever_comes_and_goes_only_contrary_evidence_ends_a_fail(steps: list[str | UnknownReason | None]) -> None:
    story = Story()
    before = story.live.view.findings(SEARCH)
    for step in steps:
        shown = isinstance(step, str) and not isinstance(step, UnknownReason)
        after = story.show(str(step)) if shown else story.take_away(step)  # type: ignore[arg-type]
        if not shown:
            assert _with(State.FAIL, before) - _with(State.FAIL, after) == set()
            assert _with(State.PASS, after) - _with(State.PASS, before) == set()
        before = after


def _with(state: State, findings: Mapping[str, Finding]) -> set[str]:
    return {name for name, each in findings.items() if each.state is state}


def _of_manifests(tmp_path: Path) -> dict[SourceName, Seen[object] | Missing]:
    """What the manifests of an agent show of it, as it was seen at the start."""
    (tmp_path / "agent.yaml").write_text(BAD)
    fleet = gather(read_objects([tmp_path / "agent.yaml"], sys.stdin.buffer, "default"), START, "1.0.0")
    [[found]] = fleet.agents.values()
    return dict(found.evidence.sources)


@pytest.mark.parametrize("gone", [SourceName.AGENT_CONFIG, SourceName.KUBERNETES_OBJECT])
def test_each_source_is_taken_away_in_turn_for_every_reason(gone: SourceName, tmp_path: Path) -> None:
    sources, story = _of_manifests(tmp_path), Story()
    before = story.tell(sources)
    bound = story.live.view.readiness(SEARCH).lower or 0.0
    assert _with(State.PASS, before)
    assert _with(State.FAIL, before)
    for reason in UnknownReason:
        after = story.tell({**sources, gone: Missing(reason, "Gone.")})
        assert _with(State.FAIL, before) <= _with(State.FAIL, after), reason
        assert _with(State.PASS, after) <= _with(State.PASS, before), reason
        assert _with(State.NOT_APPLICABLE, after) <= _with(State.NOT_APPLICABLE, before), reason
        assert (story.live.view.readiness(SEARCH).lower or 0.0) <= bound
        assert story.tell(sources).keys() == before.keys()


def test_a_fail_whose_evidence_is_gone_says_since_when_and_ends_when_it_is_seen_to_be_good() -> None:
    story, control = Story(), "predeploy.config.valid"
    assert story.show("agent: {name: search}\n")[control].state is State.FAIL
    lost = story.take_away(UnknownReason.FORBIDDEN)[control]
    assert lost.state is State.FAIL
    assert START < (lost.evidence_lost_since or 0) <= story.live.checklist.date()
    assert story.show("agent: {name: search, trust_domain: example.org}\n")[control].state is State.PASS
