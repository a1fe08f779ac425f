"""What the instances of one agent say of things they should agree on, such as a bundle's revision."""

from collections import Counter
from collections.abc import Mapping

from probes.contract import TargetKey, Vote

Group = tuple[str, str]
Votes = Mapping[str, Mapping[str, int]]
"""Topic -> value -> voters."""


class VoteCounter:
    """Counts votes by agent and topic; a voter counts once, however many targets share it."""

    def __init__(self) -> None:
        self._cast: dict[TargetKey, dict[str, tuple[Vote, ...]]] = {}  # by target and probe
        self._value: dict[tuple[Group, str, str], str] = {}  # by group, topic and voter
        self._counts: dict[Group, dict[str, Counter[str]]] = {}

    def vote(self, target: TargetKey, probe: str, votes: tuple[Vote, ...]) -> None:
        """These are the target's votes now, as one probe read them; earlier ones are withdrawn."""
        group, before = (target.namespace, target.agent), self._cast.get(target, {}).get(probe, ())
        if before == votes and all((group, vote.topic, vote.voter) in self._value for vote in votes):
            return
        for vote in before:
            self._withdraw(group, vote)
        for vote in votes:
            self._withdraw(group, vote)
            self._value[group, vote.topic, vote.voter] = vote.value
            self._counts.setdefault(group, {}).setdefault(vote.topic, Counter())[vote.value] += 1
        self._cast.setdefault(target, {})[probe] = votes

    def forget(self, target: TargetKey) -> None:
        """The target is no longer watched."""
        for votes in self._cast.pop(target, {}).values():
            for vote in votes:
                self._withdraw((target.namespace, target.agent), vote)

    def counts(self, target: TargetKey) -> Votes:
        """What was said, among the instances of this target's agent."""
        return self._counts.get((target.namespace, target.agent), {})

    def _withdraw(self, group: Group, vote: Vote) -> None:
        # A voter shared by several targets is heard again at the next of their looks.
        value = self._value.pop((group, vote.topic, vote.voter), None)
        if value is None:
            return
        topics = self._counts[group]
        topics[vote.topic] -= Counter((value,))
        if not topics[vote.topic]:  # topics are named from outside: what nobody votes on any more must not stay
            del topics[vote.topic]
        if not topics:
            del self._counts[group]
