"""Whose accounts there are is known before any agent is judged: one would be a stranger to another."""

from collections.abc import Iterable
from math import inf

from probes.controls.evidence import Missing, Seen
from watcher.checklist.live.accounts import Accounts, account_in
from watcher.checklist.live.gathering import Gathering
from watcher.checklist.live.roster import ListedAgent
from watcher.runtime.cooperative import TimeSlice


class KnownAccounts:
    """Of all agents that are listed, and those of other shards."""

    def __init__(self) -> None:
        self.now = self._of_all = Accounts()  # and when all were judged by them
        self._told = -inf  # steady seconds

    async def learn(self, agents: Iterable[ListedAgent], gathering: Gathering, now: float, every: float) -> bool:
        """Whether all agents are to be judged by others than before: so often, in seconds, at most; `now`: steady."""
        accounts, time_slice = set(gathering.accounts()), TimeSlice()
        for agent in list(agents):
            if not agent.learnt:
                note(agent, gathering.objects_of(agent.ref, agent.targets))
                await time_slice.checkpoint()
            accounts.add(agent.account)
        if (found := Accounts.of(accounts)) != self.now:  # else the same object: what it hashes to is known
            self.now = found
        if self.now == self._of_all or now - self._told < every:
            return False
        self._of_all, self._told = self.now, now
        return True


def note(agent: ListedAgent, objects: Seen[object] | Missing | None) -> None:
    """Know as whom it runs, by its source `kubernetes_object`."""
    agent.account, agent.learnt = account_in(agent.ref, objects).or_last(agent.account), True
