"""What dashboards ask: of the chosen installations only, and nothing that reads as good where nobody watches."""

from probes import load_probes
from probes.contract import Severity
from watcher.alerting.dashboards.panels import GREY, Asked
from watcher.alerting.rules.core import INSTALLATION, INSTANCE, REMEMBERED, WATCHED
from watcher.metrics.families import PREFIX

INSTALLATIONS = 'cluster=~"$cluster", job=~"$job"'
AGENTS = f'{INSTALLATIONS}, namespace=~"$namespace", agent=~"$agent"'
PROCESSES = f'{INSTALLATIONS}, instance=~"$instance"'

ALERT_NAMES = 'alertname=~"AgentWeave.+", alertname!="AgentWeaveWatchdog"'
"""Not the one that always fires."""

CRITICAL, WARNING = (
    "|".join(kind.name for probe in load_probes() for kind in probe.conditions if kind.severity is severity)
    for severity in (Severity.CRITICAL, Severity.WARNING)
)
"""Matchers of the conditions of each severity."""


def series(name: str, *more: str, of: str = AGENTS) -> str:
    """Selects a series by its full name."""
    return f"{name}{{{', '.join((of, *more))}}}"


def ours(name: str, *more: str, of: str = AGENTS) -> str:
    """Selects a series that the watcher exports."""
    return series(PREFIX + name, *more, of=of)


def true(*more: str) -> str:
    """What is true of the chosen agents."""
    return series("agentweave:condition:true", *more)


def unknown(*more: str) -> str:
    """What cannot be told of them."""
    return ours("condition_unknown", *more, 'reason!="WarmingUp"')


def watched() -> str:
    """Of each chosen installation whether it is watched, 1 or 0."""
    return series(WATCHED.name, of=INSTALLATIONS)


_ALL = f"min({watched()})"
UNWATCHED = Asked(f"({_ALL} == 0) - 1", "watcher")
"""-1 where one of the chosen installations is not watched: a tile says so."""


def tile(bad: str, good: str) -> tuple[Asked, ...]:
    """A number without labels: one that is bad always, one that is good only where all chosen installations "
    "are watched."""
    return (Asked(f"{bad} or ({good} and on () {_ALL} == 1) or {UNWATCHED.query}"),)


def count(bad: str, known: str) -> tuple[Asked, ...]:
    """How many, where 0 is good; there is no 0 unless some of `known` is there."""
    return tile(f"count({bad})", f"0 * count({known})")


def fact(value: str) -> tuple[Asked, ...]:
    """A number without labels that is neither good nor bad."""
    return (Asked(value, "now"), UNWATCHED)


def judged(value: str, *conditions: str) -> tuple[Asked, ...]:
    """A number without labels, in the colour of these conditions of the chosen agents; no limit of its own."""
    named = f'condition=~"{"|".join(conditions)}"'
    critical = f'condition=~"{"|".join(name for name in conditions if name in CRITICAL.split("|"))}"'
    known = f"({ours('condition', named)} unless on () {unknown(named)} and on () {_ALL} == 1)"
    return (
        Asked(f"{value} and on () {true(critical)}", "now", "red"),
        Asked(f"{value} and on () {true(named)} unless on () {true(critical)}", "now", "orange"),
        Asked(f"{value} and on () {known} unless on () {true(named)}", "now", "green"),
        Asked(f"{value} unless on () {true(named)} unless on () {known}", "now", GREY),
        UNWATCHED,
    )


def progress(of: str = INSTALLATIONS) -> tuple[Asked, ...]:
    """Since when the watcher made no progress that made none for longest; the rule says what is too long."""
    beats = ours("heartbeat_timestamp_seconds", of=of)
    age = f"time() - min(max by ({INSTALLATION}) (last_over_time({beats}[{REMEMBERED}])))"
    return (
        Asked(f"{age} and on () {_ALL} == 1", "now", "green"),
        Asked(f"{age} and on () {_ALL} == 0", "now", "red"),
        Asked(f"{age} unless on () {_ALL}", "now", GREY),
    )


def while_watched(rows: str) -> str:
    """What reads as good, of installations that are watched; the rows have theirs."""
    return f"({rows} and on ({INSTALLATION}) {watched()} == 1)"


def led(rows: str) -> str:
    """Without what a process on standby says; the rows have their instance."""
    return f"{rows} unless on ({INSTANCE}) {ours('active', of=INSTALLATIONS)} == 0"


def noted(rows: str) -> str:
    """The rows of a table, and one for each installation that is not watched."""
    return f'{rows} or label_replace(NaN * ({watched()} == 0), "note", "not watched", "", "")'


def troubles(rows: str) -> str:
    """The same for rows that are trouble: one that says so for each installation that is watched and has none."""
    none = f'label_replace(NaN * ({watched()} == 1), "note", "none", "", "")'
    return noted(f"{rows} or on ({INSTALLATION}) {none}")


def or_zero(rows: str, label: str) -> str:
    """Lines by the label; one at 0 while there are none and all is watched."""
    return f'{rows} or on () label_replace(0 * ({_ALL} == 1), "{label}", "none", "", "")'


def conditions(probes: str) -> str:
    """0 no trouble, 1 a warning, 2 unknown, 3 critical: of each condition of the probes with this matcher."""
    worst = f"max by ({INSTALLATION}, namespace, agent, condition, subject)"
    critical, told = ours("condition", probes, f'condition=~"{CRITICAL}"'), ours("condition", probes)
    unknown = ours("condition_unknown", probes)
    none = while_watched(f"{worst} ({told})")
    return f"{worst} ({critical}) * 3 > 0 or {worst} ({told}) > 0 or {worst} ({unknown}) * 2 or {none}"


def since(rows: str, place: str) -> str:
    """When the alert on each of these rows (which `place` tells apart) began, or the one on many agents; "
    "milliseconds."""
    own = 'ALERTS_FOR_STATE{alertname=~"AgentWeave.+", condition!="", ' + AGENTS + "}"
    many = 'ALERTS_FOR_STATE{alertname=~"AgentWeaveFleetWide.*", ' + INSTALLATIONS + "}"
    return (
        f"1000 * ({rows} * 0 + on ({place}) group_left (severity)"
        f" bottomk by ({place}) (1, min by ({place}, severity) ({own}))"
        f" or {rows} * 0 + on ({INSTALLATION}, condition) group_left (severity)"
        f" bottomk by ({INSTALLATION}, condition) (1, min by ({INSTALLATION}, condition, severity) ({many})))"
    )
