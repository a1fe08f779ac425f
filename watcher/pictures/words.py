"""Values in words, with their units."""

from probes.contract import say_bytes, say_duration
from probes.contract.picture import Unit


def said(value: float, unit: Unit) -> str:
    """As it stands in a picture."""
    match unit:
        case Unit.BYTES:
            return say_bytes(value).replace(".0 ", " ")
        case Unit.SECONDS:
            return say_duration(value)
        case Unit.SHARE:
            return f"{100 * value:.3g} %"
        case Unit.CORES | Unit.PER_SECOND | Unit.CONNECTIONS:
            return f"{value:.4g}"
