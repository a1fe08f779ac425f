"""What the judge of a line says."""

from typing import NamedTuple

from watcher.rollouts.terms import LineState, Undecided


class Said(NamedTuple):
    """Of one line."""

    state: LineState
    reason: str = ""
    message: str = ""
    evidence: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    lacks: str = ""


SETTLING = Said(LineState.UNDECIDED, Undecided.SETTLING)


def passed(message: str, *evidence: str) -> Said:
    """It is well."""
    return Said(LineState.PASS, message=message, evidence=evidence)


def failed(reason: str, message: str, *evidence: str, conditions: tuple[str, ...] = ()) -> Said:
    """It is not."""
    return Said(LineState.FAIL, reason, message, evidence, conditions)


def settling(message: str = "", *evidence: str) -> Said:
    """It is too early."""
    return Said(LineState.UNDECIDED, Undecided.SETTLING, message, evidence)


def no_data(message: str, *evidence: str, lacks: str = "") -> Said:
    """The window is over, and nothing can be said; `lacks`: for want of traffic alone, which there was so much of."""
    return Said(LineState.UNDECIDED, Undecided.NO_DATA, message, evidence, lacks=lacks)


def not_applicable(message: str) -> Said:
    """There is nothing to be judged."""
    return Said(LineState.NOT_APPLICABLE, message=message)
