from probes.contract import Ballot, TargetKey
from watcher.engine.majority import Census

ONE, TWO, OTHER = (TargetKey("prod", agent, pod) for agent, pod in (("a", "a-0"), ("a", "a-1"), ("b", "b-0")))


def _ballot(voter: str, value: str) -> tuple[Ballot, ...]:
    return (Ballot("bundle", voter, value),)


def test_voters_are_counted_by_agent_and_topic() -> None:
    census = Census()
    census.vote(ONE, "opa", _ballot("opa-1", "r1"))
    census.vote(TWO, "opa", _ballot("opa-2", "r1"))
    census.vote(OTHER, "opa", _ballot("opa-3", "r2"))
    assert census.counts(ONE) == {"bundle": {"r1": 2}}
    assert census.counts(OTHER) == {"bundle": {"r2": 1}}


def test_a_voter_shared_by_targets_counts_once() -> None:
    census = Census()
    census.vote(ONE, "opa", _ballot("central", "r1"))
    census.vote(TWO, "opa", _ballot("central", "r1"))
    assert census.counts(ONE) == {"bundle": {"r1": 1}}


def test_a_new_value_takes_the_place_of_the_old_one() -> None:
    census = Census()
    census.vote(ONE, "opa", _ballot("opa-1", "r1"))
    census.vote(ONE, "opa", _ballot("opa-1", "r2"))
    assert census.counts(ONE) == {"bundle": {"r2": 1}}


def test_a_target_that_is_gone_has_no_voice() -> None:
    census = Census()
    census.vote(ONE, "opa", _ballot("opa-1", "r1"))
    census.vote(TWO, "opa", _ballot("opa-2", "r1"))
    census.forget(TWO)
    assert census.counts(ONE) == {"bundle": {"r1": 1}}


def test_a_target_that_says_nothing_any_more_withdraws() -> None:
    census = Census()
    census.vote(ONE, "opa", _ballot("opa-1", "r1"))
    census.vote(ONE, "opa", ())
    assert not census.counts(ONE)["bundle"]
