"""An agent whose pods start anew is the same agent: nothing that was found of it is lost in between."""

import pytest

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentObjects, AgentRef, Missing, PodTemplate, Seen
from probes.controls.finding import State
from tests.checklist.live.judged import SEARCH, START, Live, Told, given, pod_target
from tests.checklist.live.test_checklist import OTHER, VALID, valid
from watcher.checklist.live.accounts import Account
from watcher.checklist.live.provider import Presence
from watcher.checklist.live.roster import LINGERS
from watcher.checklist.live.turns import Regression

_NONE = Missing(UnknownReason.SOURCE_MISSING, "None.")


def _judged(*, is_valid: bool, owns: frozenset[str] | None = None) -> tuple[Live, Told]:
    told = Told()
    live = Live(providers=[told], owns=owns)
    live.watch(pod_target())
    live.wait(1)
    valid(live, told, is_valid=is_valid)
    return live, told


def _no_pod(live: Live, told: Told, presence: Presence) -> None:
    """No pod of it is watched any more, and this is left."""
    told.left[SEARCH] = presence
    told.tell(SEARCH, given({}))
    live.watch()
    live.wait(10)


@pytest.mark.parametrize("presence", [Presence.PODS, Presence.WORKLOAD])
def test_a_fail_stays_while_the_only_pod_starts_anew_however_long_it_takes(presence: Presence) -> None:
    live, told = _judged(is_valid=False)
    since = live.finding(VALID).since
    _no_pod(live, told, presence)
    live.wait(3 * LINGERS, step=30)
    assert (live.finding(VALID).state, live.finding(VALID).since) == (State.FAIL, since)


def test_a_revision_that_is_worse_is_told_as_a_regression_although_no_pod_was_there_in_between() -> None:
    live, told = _judged(is_valid=True)
    _no_pod(live, told, Presence.PODS)
    assert live.finding(VALID).state is State.UNKNOWN
    live.watch(pod_target("search-1"))
    valid(live, told, is_valid=False)
    assert live.view.regressed(SEARCH) == {VALID: Regression(live.finding(VALID).since, State.PASS, State.FAIL)}
    assert [each.after for each in live.turned if each.control == VALID][-2:] == [State.UNKNOWN, State.FAIL]


def test_an_agent_of_which_it_cannot_be_told_is_kept_for_a_while() -> None:
    live, told = _judged(is_valid=False)
    _no_pod(live, told, Presence.UNTOLD)
    live.wait(LINGERS - 30, step=10)
    assert live.view.agents() == [SEARCH]
    live.watch(pod_target())  # it was there again, and the next time counts for itself
    live.wait(5)
    _no_pod(live, told, Presence.UNTOLD)
    live.wait(LINGERS - 30, step=10)
    assert live.finding(VALID).state is State.FAIL
    live.wait(40, step=10)
    assert live.view.agents() == []


def test_an_agent_whose_pods_and_workload_are_gone_is_gone_at_once() -> None:
    live, told = _judged(is_valid=False)
    _no_pod(live, told, Presence.PODS)
    assert live.view.agents() == [SEARCH]
    told.left[SEARCH] = Presence.GONE
    live.wait(2)
    assert (live.view.agents(), live.view.findings(SEARCH)) == ([], {})


def test_a_shard_keeps_an_agent_by_its_workload_for_a_while_where_another_shard_may_have_its_pods() -> None:
    live, told = _judged(is_valid=False, owns=frozenset({"search-0"}))
    _no_pod(live, told, Presence.WORKLOAD)
    assert live.view.agents() == [SEARCH]
    live.wait(LINGERS + 10, step=10)
    assert live.view.agents() == []


def test_the_account_of_an_agent_that_starts_anew_is_no_strangers() -> None:
    live, told = _judged(is_valid=True)
    template = PodTemplate({}, {"serviceAccountName": "search"}, "agent")
    objects = AgentObjects(_NONE, Seen(template, START, "pod/prod/search-0"), {})
    told.tell(SEARCH, given({SourceName.KUBERNETES_OBJECT: Seen(objects, START, "prod/search")}))
    live.watch(pod_target(), pod_target("other-0", OTHER))
    live.wait(10)
    _no_pod(live, told, Presence.PODS)
    assert live.checklist.roster.agents[AgentRef("prod", "search")].account == Account(
        "system:serviceaccount:prod:search"
    )
