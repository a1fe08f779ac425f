"""What the instances of one agent say of things they should agree on, such as a bundle's revision."""

from collections import Counter
from collections.abc import Mapping

from probes.contract import Ballot, TargetKey

Group = tuple[str, str]


class Census:
    """Counts ballots by agent and topic; a voter counts once, however many targets share it."""

    def __init__(self) -> None:
        self._cast: dict[TargetKey, dict[str, tuple[Ballot, ...]]] = {}  # by target and probe
        self._value: dict[tuple[Group, str, str], str] = {}  # by group, topic and voter
        self._counts: dict[Group, dict[str, Counter[str]]] = {}

    def vote(self, target: TargetKey, probe: str, ballots: tuple[Ballot, ...]) -> None:
        """These are the target's ballots now, as one probe read them; earlier ones are withdrawn."""
        before = self._cast.get(target, {}).get(probe, ())
        if before == ballots:
            return
        group = (target.namespace, target.agent)
        for ballot in before:
            self._withdraw(group, ballot)
        for ballot in ballots:
            self._withdraw(group, ballot)
            self._value[group, ballot.topic, ballot.voter] = ballot.value
            self._counts.setdefault(group, {}).setdefault(ballot.topic, Counter())[ballot.value] += 1
        self._cast.setdefault(target, {})[probe] = ballots

    def forget(self, target: TargetKey) -> None:
        """The target is no longer watched."""
        for ballots in self._cast.pop(target, {}).values():
            for ballot in ballots:
                self._withdraw((target.namespace, target.agent), ballot)

    def counts(self, target: TargetKey) -> Mapping[str, Mapping[str, int]]:
        """Topic -> value -> voters, among the instances of this target's agent."""
        return self._counts.get((target.namespace, target.agent), {})

    def _withdraw(self, group: Group, ballot: Ballot) -> None:
        # A voter shared by several targets is heard again at the next of their looks.
        value = self._value.pop((group, ballot.topic, ballot.voter), None)
        if value is not None:
            counts = self._counts[group][ballot.topic]
            counts[value] -= 1
            self._counts[group][ballot.topic] = +counts
