"""Does a rule watch an agent? One rule that is there, evaluated, complete, and selects series of the agent is enough.

What is nearest to that is told: of several rules for one alert, the one with the least that is wrong.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import PrometheusLook
from probes.controls.evidence.prometheus import AlertRule, Health
from probes.controls.judging import Says


class Watch(NamedTuple):
    """What one rule comes to."""

    says: Says
    message: str  # a sentence, or empty where there is nothing to tell
    reason: UnknownReason | None = None  # of what is unclear
    rule: AlertRule | None = None


_GOOD, _BAD, _UNCLEAR = Says.GOOD, Says.BAD, Says.UNCLEAR
_BEST_FIRST = (_GOOD, _UNCLEAR, _BAD)


def best(look: PrometheusLook, wanted: Callable[[AlertRule], bool], severity: str, missing: str) -> Watch:
    """The best of the rules that are `wanted`; `missing`: what is said where there is none."""
    found = [_watch(look, number, severity) for number, rule in enumerate(look.book.alerts) if wanted(rule)]
    if found:
        return min(found, key=lambda each: _BEST_FIRST.index(each.says))
    if look.book.unread:
        return Watch(_UNCLEAR, look.book.unread, UnknownReason.NO_DATA)
    return Watch(_BAD, missing)


def worst(found: Iterable[Watch]) -> Watch:
    """Of several that are all needed."""
    return max(found, key=lambda each: _BEST_FIRST.index(each.says))


def _watch(look: PrometheusLook, number: int, severity: str) -> Watch:
    rule = look.rule(number)
    return next(_troubles(look, number, rule, severity), Watch(_GOOD, f"The rule {rule.name} watches it.", rule=rule))


def _troubles(look: PrometheusLook, number: int, rule: AlertRule, severity: str) -> Iterator[Watch]:
    """What is wrong for certain first, then what is not known."""
    bad = _broken(rule, severity)
    if bad:
        yield Watch(_BAD, f"The rule {rule.name} {bad}.", rule=rule)
    selects = selects_agent(look, number)
    if selects is False:
        yield Watch(_BAD, f"The rule {rule.name} selects no series of this agent: it can never fire for it.", rule=rule)
    if isinstance(selects, Watch):
        yield selects._replace(rule=rule)
    if rule.health is Health.UNKNOWN:
        yield Watch(_UNCLEAR, f"The rule {rule.name} was not evaluated yet.", UnknownReason.NO_DATA, rule)


def _broken(rule: AlertRule, severity: str) -> str:
    if rule.health is Health.ERR:
        return f"fails: {rule.error[:120] or 'no error is told'}"
    if rule.late:
        return "was not evaluated within three of its intervals"
    if rule.severity != severity:
        return f"has severity {rule.severity[:40] or 'none'}, not {severity}"
    if not has_runbook(rule):
        return "has no runbook_url that is a whole URL"
    return ""


def selects_agent(look: PrometheusLook, number: int) -> bool | Watch:
    """Whether a rule selects series of the agent, or why that is not known."""
    rule = look.rule(number)
    if number in look.selected:
        return True
    if look.untold is not None:
        return Watch(_UNCLEAR, look.untold.message, look.untold.reason)
    if number in look.conditional:
        said = f"The rule {rule.name} waits for a condition of the watcher that is not known of this agent."
        return Watch(_UNCLEAR, said, UnknownReason.NO_DATA)
    if rule.untellable:
        said = f"Whether the rule {rule.name} can fire for this agent is not known: {rule.untellable}."
        return Watch(_UNCLEAR, said, UnknownReason.NO_DATA)
    if not look.known:
        return Watch(_UNCLEAR, "Prometheus has less than an hour of series of this agent.", UnknownReason.NO_DATA)
    return False


def has_runbook(rule: AlertRule) -> bool:
    """Whether it names a runbook by an absolute URL; templates in its path and query are filled in when it fires."""
    scheme, separator, rest = rule.runbook_url.partition("://")
    host = rest.partition("/")[0].partition("?")[0]
    return scheme in ("http", "https") and bool(separator) and bool(host) and not any(each.isspace() for each in host)
