"""Whom does a route tell of an alert of which not all labels are known? Walked as Alertmanager walks it.

1. A matcher on a label that is not known may hold or not: both ways are followed.
2. A route that matches hands on to those within it, in their order, until one takes the alert and does not go on.
3. Where none within takes it, its own receiver is told.
Regular expressions that could take long are not tried: they may hold or not.
"""

import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

from probes.controls.evidence.alertmanager import Matcher, Route

Outcome = frozenset[str]
"""The receivers that are told."""

_MOST = 64
"""Different outcomes that are followed."""

_LONGEST = 2_000
_QUANTIFIED_GROUP = re.compile(r"\)\s*[*+{?]")
_QUANTIFIER = re.compile(r"[*+{]")
_FEW = 3
"""Quantifiers of a pattern that is tried: the work grows with the length of a label to this power."""

_LONGEST_VALUE = 200


class Matched(Enum):
    """Whether something holds of an alert."""

    YES = "yes"
    NO = "no"
    UNTOLD = "untold"


def outcomes(route: Route, labels: Mapping[str, str]) -> frozenset[Outcome] | None:
    """Each set of receivers that may be told of an alert with these labels and maybe others; None: too many ways."""
    found = _of(route, labels)
    return found if len(found) < _MOST else None


def _of(route: Route, labels: Mapping[str, str]) -> frozenset[Outcome]:
    """Of a route that matches."""
    going_on: set[Outcome] = {frozenset()}
    done: set[Outcome] = set()
    for each in route.routes:
        matched = _all(each.matchers, labels)
        if matched is Matched.NO:
            continue
        taken = {before | after for before in going_on for after in _of(each, labels)}
        stay = set(going_on) if matched is Matched.UNTOLD else set()
        if each.goes_on:
            going_on = taken | stay
        else:
            done |= taken
            going_on = stay
        if len(going_on) + len(done) > _MOST:
            break
    every = done | {each or frozenset((route.receiver,)) for each in going_on}
    return frozenset(sorted(every, key=sorted)[:_MOST])


def _all(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> Matched:
    found = [_holds(each, labels) for each in matchers]
    if Matched.NO in found:
        return Matched.NO
    return Matched.UNTOLD if Matched.UNTOLD in found else Matched.YES


def _holds(matcher: Matcher, labels: Mapping[str, str]) -> Matched:
    if matcher.label not in labels:
        return Matched.UNTOLD
    value = labels[matcher.label]
    if matcher.operator in ("=", "!="):
        same: bool | None = value == matcher.value
    else:
        same = _fits(matcher.value, value)
    if same is None:
        return Matched.UNTOLD
    return Matched.YES if same is (matcher.operator in ("=", "=~")) else Matched.NO


@lru_cache(maxsize=2048)
def _fits(pattern: str, value: str) -> bool | None:
    """Whether all of the value fits; None where that cannot be told in short."""
    quantifiers = len(_QUANTIFIER.findall(pattern))
    if (
        len(pattern) > _LONGEST
        or len(value) > _LONGEST_VALUE
        or quantifiers > _FEW
        or _QUANTIFIED_GROUP.search(pattern)
    ):
        return None
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except (re.error, RecursionError):
        return None
