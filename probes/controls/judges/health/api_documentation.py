"""Whether the agent's card describes each capability."""

from collections.abc import Iterator

from probes.controls.judges.health.case import HealthCase, health_judge
from probes.controls.judging import Statement


@health_judge("documentation.developer.api-documentation")
def described(case: HealthCase) -> Iterator[Statement]:
    """A capability without a description refutes it; that there is no card says nothing."""
    card = case.answer.card
    if card is not None and card.undescribed:
        names = ", ".join(card.names[:2])
        more = f" and {card.undescribed - 2} more" if card.undescribed > 2 else ""
        one = card.undescribed == 1
        yield case.bad(f"{'Capability' if one else 'Capabilities'} without a description in the card: {names}{more}.")
