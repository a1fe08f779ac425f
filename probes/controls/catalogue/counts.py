"""Rules on the numbers that a pipeline's result brings, such as `failures = 0`."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NUMBER = r"\d+(?:\.\d+)?"
_NAME = r"[a-z][a-z0-9_]*"
_RULE = re.compile(
    rf"(?P<name>{_NAME})(?: (?P<compare>=|>=|>|<=|<) (?:(?P<number>{_NUMBER})"
    rf"|(?:(?P<factor>{_NUMBER}) \* )?(?P<other>{_NAME})(?: or (?P<default>{_NUMBER}))?)"
    r"(?P<mode> if given| else NoData)?)?"
)


@dataclass(frozen=True, slots=True)
class CountRule:
    """One number of a record, and what it must be.

    `failures = 0` · `coverage_ratio >= 0.80 if given` · `requests >= 1000 else NoData` (a result of fewer says nothing)
    · `peak >= 2 * expected_peak` · `rate > target_rate or 100` · a name alone is shown and decides nothing.
    """

    text: str
    name: str
    compare: str = ""  # "": decides nothing
    number: float = 0.0  # to compare with, or what stands for an absent `other`
    other: str = ""  # another number of the record to compare with, `factor` times
    factor: float = 1.0
    defaulted: bool = False  # `other` may be absent
    optional: bool = False
    precondition: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The numbers that a record must have for this rule."""
        if not self.compare or self.optional:
            return ()
        return (self.name, self.other) if self.other and not self.defaulted else (self.name,)

    def holds(self, counts: Mapping[str, float]) -> bool:
        """Whether these numbers keep the rule. What the rule `needs` must be there."""
        if not self.compare or (self.optional and self.name not in counts):
            return True
        against = self.factor * counts[self.other] if self.other in counts else self.number
        if not math.isfinite(counts[self.name]) or not math.isfinite(against):
            return False
        return _COMPARE[self.compare](counts[self.name], against)


def parse_rule(text: object) -> CountRule:
    """The rule that this text is; ValueError for anything else."""
    match = _RULE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("expected a rule such as `tests > 0`, `failures = 0` or `peak >= 2 * expected_peak`")
    if match["compare"] is None:
        return CountRule(match.string, match["name"])
    return CountRule(
        text=match.string,
        name=match["name"],
        compare=match["compare"],
        number=float(match["number"] or match["default"] or 0),
        other=match["other"] or "",
        factor=float(match["factor"] or 1),
        defaulted=match["default"] is not None,
        optional=match["mode"] == " if given",
        precondition=match["mode"] == " else NoData",
    )


Rule = Annotated[CountRule, BeforeValidator(parse_rule)]
