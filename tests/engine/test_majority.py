from probes.contract import TargetKey, Vote
from watcher.engine.majority import VoteCounter

ONE, TWO, OTHER = (TargetKey("prod", agent, pod) for agent, pod in (("a", "a-0"), ("a", "a-1"), ("b", "b-0")))


def _ballot(voter: str, value: str) -> tuple[Vote, ...]:
    return (Vote("bundle", voter, value),)


def test_voters_are_counted_by_agent_and_topic() -> None:
    vote_counts = VoteCounter()
    vote_counts.vote(ONE, "opa", _ballot("opa-1", "r1"))
    vote_counts.vote(TWO, "opa", _ballot("opa-2", "r1"))
    vote_counts.vote(OTHER, "opa", _ballot("opa-3", "r2"))
    assert vote_counts.counts(ONE) == {"bundle": {"r1": 2}}
    assert vote_counts.counts(OTHER) == {"bundle": {"r2": 1}}


def test_a_voter_shared_by_targets_counts_once() -> None:
    vote_counts = VoteCounter()
    vote_counts.vote(ONE, "opa", _ballot("central", "r1"))
    vote_counts.vote(TWO, "opa", _ballot("central", "r1"))
    assert vote_counts.counts(ONE) == {"bundle": {"r1": 1}}


def test_a_new_value_takes_the_place_of_the_old_one() -> None:
    vote_counts = VoteCounter()
    vote_counts.vote(ONE, "opa", _ballot("opa-1", "r1"))
    vote_counts.vote(ONE, "opa", _ballot("opa-1", "r2"))
    assert vote_counts.counts(ONE) == {"bundle": {"r2": 1}}


def test_a_target_that_is_gone_has_no_voice() -> None:
    vote_counts = VoteCounter()
    vote_counts.vote(ONE, "opa", _ballot("opa-1", "r1"))
    vote_counts.vote(TWO, "opa", _ballot("opa-2", "r1"))
    vote_counts.forget(TWO)
    assert vote_counts.counts(ONE) == {"bundle": {"r1": 1}}


def test_a_target_that_says_nothing_any_more_withdraws() -> None:
    vote_counts = VoteCounter()
    vote_counts.vote(ONE, "opa", _ballot("opa-1", "r1"))
    vote_counts.vote(ONE, "opa", ())
    assert vote_counts.counts(ONE) == {}


def test_a_voter_that_several_targets_share_is_heard_on_when_one_of_them_goes() -> None:
    vote_counts = VoteCounter()
    for target in (ONE, TWO):
        vote_counts.vote(target, "opa", _ballot("central", "r1"))
    vote_counts.forget(ONE)
    vote_counts.vote(TWO, "opa", _ballot("central", "r1"))
    assert vote_counts.counts(TWO) == {"bundle": {"r1": 1}}


def test_topics_that_are_named_anew_at_each_look_leave_nothing_behind() -> None:
    vote_counts = VoteCounter()
    for number in range(100):
        vote_counts.vote(ONE, "opa", (Vote(f"bundle-{number}", "opa-1", "r1"),))
    assert vote_counts.counts(ONE) == {"bundle-99": {"r1": 1}}
