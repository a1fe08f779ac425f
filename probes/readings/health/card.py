"""What an agent's card says of its capabilities."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from probes.readings.health.document import MOST_ITEMS, read_object, short_name

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class AgentCard:
    """The card's capabilities; `problem`: why it is none, part of a sentence."""

    capabilities: int = 0
    undescribed: int = 0  # of them
    names: tuple[str, ...] = ()  # of the first of those
    problem: str = ""


def read_card(body: bytes) -> AgentCard:
    """What a card's body says; never raises. Capabilities are those of AgentWeave's card, and the skills of A2A's."""
    found = read_object(body)
    if isinstance(found, str):
        return AgentCard(problem=found)
    items = list(_capabilities(found))
    bare = [name for name, described in items if not described]
    return AgentCard(len(items), len(bare), tuple(bare[:MOST_NAMED]))


def _capabilities(card: Mapping[str, object]) -> Iterator[tuple[str, bool]]:
    """The name of each, and whether it is described."""
    for member in ("capabilities", "skills"):  # in A2A the first is a mapping of features, which are none
        listed = card.get(member)
        for each in listed[:MOST_ITEMS] if isinstance(listed, list) else ():
            if isinstance(each, dict):
                said = each.get("description")
                yield (
                    short_name(each.get("name") or each.get("id") or "?"),
                    isinstance(said, str) and bool(said.strip()),
                )
            elif isinstance(each, str):
                yield short_name(each), False
