"""How judges are registered and found, and what they may say."""

from collections.abc import Iterable

import pytest

from probes.controls.catalogue.control import Control, FactKey, SourceName, UnknownReason
from probes.controls.catalogue.terms import Scope
from probes.controls.checklist import judge_agent
from probes.controls.evidence import EvidenceSet
from probes.controls.finding import State
from probes.controls.judging import (
    FactJudge,
    Facts,
    Judges,
    Raised,
    Registry,
    Says,
    Statement,
    asked,
    load_judges,
    strangers,
)
from tests.probes.controls.made import AGENT, CATALOGUE, facts

LIMITS = "deployment.resources.cpu-limits"
POD, OBJECT = SourceName.KUBERNETES_POD, SourceName.KUBERNETES_OBJECT


def _silent(_: Control, __: EvidenceSet, ___: Facts) -> Iterable[Statement]:
    return ()


def test_several_judges_share_a_control_when_each_speaks_of_its_own_sources() -> None:
    registry = Registry()
    registry.judge(LIMITS, of=[OBJECT])(_silent)
    registry.judge(LIMITS, "deployment.resources.cpu-requests", of=[POD])(_silent)
    assert [each.sources for each in registry.found().controls[LIMITS]] == [{OBJECT}, {POD}]
    with pytest.raises(ValueError, match="two judges speak of the same source"):
        registry.judge(LIMITS, of=[POD, SourceName.LOGS])(_silent)


def test_a_fact_has_one_judge() -> None:
    registry = Registry()
    registry.fact(FactKey.NEEDS_SECRETS)(lambda _, __: True)
    with pytest.raises(ValueError, match="two judges of the same fact"):
        registry.fact(FactKey.NEEDS_SECRETS)(lambda _, __: False)


def test_judges_of_what_is_no_control_or_none_of_its_evidence_are_told() -> None:
    registry = Registry()
    registry.judge("no.such.control", of=[POD])(_silent)
    registry.judge(LIMITS, of=[POD, SourceName.LOGS])(_silent)
    assert strangers(registry.found(), CATALOGUE.by_id) == [
        "no.such.control: a judge of what is no control",
        f"{LIMITS}: a judge of logs, from which it is not judged",
    ]


def test_each_judge_of_the_package_is_of_a_control_and_of_its_evidence() -> None:
    assert strangers(load_judges(), CATALOGUE.by_id) == []
    assert isinstance(load_judges(), Judges)


@pytest.mark.parametrize(("says", "reason"), [(Says.GOOD, UnknownReason.NO_DATA), (Says.UNCLEAR, None)])
def test_only_an_unclear_statement_has_a_reason(says: Says, reason: UnknownReason | None) -> None:
    with pytest.raises(ValueError, match="unclear for a reason"):
        Statement(POD, says, "Something.", reason=reason)


def test_what_a_judge_raised_is_told_without_its_words() -> None:
    answer = asked(lambda: int("sk-secret"))
    assert isinstance(answer, Raised)
    assert answer.what.startswith("ValueError in test_judging.py:")
    assert "secret" not in answer.what


def test_a_fact_is_asked_once_of_an_agent_however_many_controls_rest_on_it() -> None:
    asked_for: list[FactKey] = []

    def no(key: FactKey) -> FactJudge:
        def answer(_: EvidenceSet, __: Facts) -> bool:
            asked_for.append(key)
            return False

        return answer

    resting = [each for each in CATALOGUE.controls if each.applies_when and each.scope is not Scope.RELEASE]
    keys = {each.applies_when.key for each in resting if each.applies_when}
    judges = Judges(load_judges().controls, {key: no(key) for key in keys})
    found = judge_agent(CATALOGUE, EvidenceSet(AGENT), facts(), judges, frozenset())
    assert len(resting) > len(keys)
    assert sorted(asked_for) == sorted(keys)
    assert {found[each.id].state for each in resting} == {State.NOT_APPLICABLE}
