"""Taking evidence away from a running checklist makes no pass, loses no fail and raises no bound."""

from collections.abc import Mapping

import yaml
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import Missing, Seen
from probes.controls.finding import Finding, State
from tests.checklist.live.judged import SEARCH, START, Live, Told, given, pod_target
from watcher.checklist.agent_config import read_agent_config
from watcher.checklist.live.provider import Sources

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
        sources: Sources = {} if found is None else {SourceName.AGENT_CONFIG: found}
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
            assert [
                each for each in before if before[each].state is State.FAIL and after[each].state is not State.FAIL
            ] == []
            assert [
                each for each in after if after[each].state is State.PASS and before[each].state is not State.PASS
            ] == []
        before = after


def test_a_fail_whose_evidence_is_gone_says_since_when_and_ends_when_it_is_seen_to_be_good() -> None:
    story, control = Story(), "predeploy.config.valid"
    assert story.show("agent: {name: search}\n")[control].state is State.FAIL
    lost = story.take_away(UnknownReason.FORBIDDEN)[control]
    assert lost.state is State.FAIL
    assert START < (lost.evidence_lost_since or 0) <= story.live.checklist.date()
    assert story.show("agent: {name: search, trust_domain: example.org}\n")[control].state is State.PASS
