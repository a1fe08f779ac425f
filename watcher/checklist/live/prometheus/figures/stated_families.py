"""Which families of metrics do records say that agents export? Prometheus is asked whether it has them."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from probes.controls.evidence import AgentRef
from probes.controls.records import listed

BUSINESS = "observability.metrics.business-exported"
_NAME = re.compile(r"[a-z_:][a-z0-9_:]{0,127}")
_MOST = 200
"""Families of all agents that are asked for."""


class Stating(Protocol):
    """A record."""

    @property
    def control(self) -> str:
        """Of which it speaks."""

    @property
    def statement(self) -> str:
        """Its text."""


def stated_families(agents: Iterable[AgentRef], records: Callable[[AgentRef], Iterable[Stating]]) -> frozenset[str]:
    """Their names, in small letters; nothing where there are more than can be asked for."""
    found = frozenset(name for agent in agents for name in _of(records(agent)))
    return found if len(found) <= _MOST else frozenset()


def _of(records: Iterable[Stating]) -> Iterator[str]:
    for record in records:
        if record.control == BUSINESS:
            yield from (each for each in listed(record.statement, "families") or () if _NAME.fullmatch(each))
