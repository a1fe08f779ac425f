"""As which users do agents ask the API server: those of this shard, of all others, and those not known yet?"""

from collections.abc import Iterable
from typing import NamedTuple, Self

from probes.controls.evidence import AgentObjects, AgentRef, Missing, Seen

_PREFIX = "system:serviceaccount"


class Account(NamedTuple):
    """One user of a pod."""

    name: str  # `system:serviceaccount:prod:search`; `*` in place of what is not known
    certain: bool = True  # else it may be an agent's, or not

    def or_last(self, last: Self) -> Self:
        """This one, or where it is not known now the one that its last pods had."""
        return last if last.certain and last.name and not self.certain else self


def account(namespace: str, name: str = "", *, certain: bool = True) -> Account:
    """The user of a service account; without a name, whichever of the namespace it may be."""
    return Account(f"{_PREFIX}:{namespace}:{name or '*'}", certain and bool(name))


def account_in(agent: AgentRef, objects: Seen[object] | Missing | None) -> Account:
    """The user as whom an agent with this source `kubernetes_object` runs."""
    if isinstance(objects, Seen) and isinstance(objects.value, AgentObjects):
        template = objects.value.template
        if isinstance(template, Seen):
            return account(agent.namespace, template.value.service_account or "default")
    return account(agent.namespace)


UNLISTED = Account(f"{_PREFIX}:*", certain=False)
"""Any of all, while nobody knows which pods there are."""

NOBODY = Account("")


class Accounts(NamedTuple):
    """The users' names."""

    agents: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()

    @classmethod
    def of(cls, found: Iterable[Account]) -> Self:
        """All of them; one that is surely an agent's is not unsure."""
        every = set(found)
        agents = frozenset(each.name for each in every if each.certain)
        return cls(agents, frozenset(each.name for each in every if not each.certain) - agents)
