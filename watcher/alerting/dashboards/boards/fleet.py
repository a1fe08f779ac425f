"""The fleet: which agents are in trouble and since when."""

from watcher.alerting.dashboards.board import CLUSTER, FLEET_AGENTS, FLEET_NAMESPACES, GAPS, JOB, Board, turned
from watcher.alerting.dashboards.boards.fleet_next import NEXT, UNTOLD
from watcher.alerting.dashboards.measures import ENDS_OF_SVIDS, NOT_CLOSED, TARGETS
from watcher.alerting.dashboards.panels import ORANGE_FROM_ONE, RED_FROM_ONE, Asked, lines, row, stat
from watcher.alerting.dashboards.queries import (
    ALERT_NAMES,
    CRITICAL,
    INSTALLATIONS,
    WARNING,
    count,
    fact,
    judged,
    noted,
    or_zero,
    ours,
    progress,
    series,
    since,
    tile,
    troubles,
    true,
    unknown,
    watched,
)
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import AGENT, INSTALLATION, POD

_AGENTS = series("agentweave:condition:agents")
_OR_NOBODY = f'{INSTALLATIONS}, namespace=~"$namespace|", agent=~"$agent|"'
"""Alerts of the chosen agents, and those that name none."""

_FIRING = series("ALERTS", ALERT_NAMES, 'alertstate="firing"', of=_OR_NOBODY)
_KNOWN = ours("conditions", 'status=~"true|false"', of=INSTALLATIONS) + " > 0"
_REASONS = f"count by ({AGENT}, condition, subject, reason) ({series('agentweave:condition:reason')})"


def _alerts(severity: str) -> tuple[Asked, ...]:
    severe = series("ALERTS", ALERT_NAMES, 'alertstate="firing"', f'severity="{severity}"', of=_OR_NOBODY)
    return count(severe, f"{watched()} == 1")


def _by(label: str, each: str) -> dict[str, str]:
    """Of each namespace or node: how many there are, have something critical, a warning, something that is unknown."""

    def counted(of: str) -> str:
        return f"count by ({INSTALLATION}, {label}) (group by ({each}, {label}) ({of}))"

    ill = {name: true(f'condition=~"{kinds}"') for name, kinds in (("critical", CRITICAL), ("warning", WARNING))}
    total, sick = counted(TARGETS), ill | {"unknown": unknown()}
    told = {name: counted(f"{TARGETS} and on ({POD}) {of}") for name, of in sick.items()}
    return {"watched": noted(total)} | {name: f"{of} or 0 * {total}" for name, of in told.items()}


TILES = (
    stat("Targets", "Agent instances that are watched: pods and static entries.", fact(f"count({TARGETS})")),
    stat(
        "Agents in trouble",
        "Agents with at least one failing condition, on any of their pods.",
        tile(f"count(count by ({AGENT}) ({_AGENTS}))", f"0 * count({_KNOWN})"),
        colours=ORANGE_FROM_ONE,
    ),
    stat(
        "Critical alerts",
        "Critical alerts that fire. Those that name no agent are counted for any choice of agents.",
        _alerts("critical"),
        colours=RED_FROM_ONE,
    ),
    stat(
        "Warnings", "Warnings that fire, counted as the critical alerts.", _alerts("warning"), colours=ORANGE_FROM_ONE
    ),
    stat(
        "Unknown verdicts",
        "Unknown conditions: a fault there would not be seen. Those that only need more history "
        "(WarmingUp) are not counted.",
        tile(f"sum({unknown()})", f"0 * count({TARGETS})"),
        colours=ORANGE_FROM_ONE,
    ),
    stat(
        "Breakers not closed",
        "Circuit breakers that are open or half-open, over all pods and callees.",
        count(NOT_CLOSED, ours("circuit_breaker_state")),
        colours=ORANGE_FROM_ONE,
        nothing="none seen",
    ),
    stat(
        "Next SVID ends in",
        "Time until the first of all served SVIDs expires, in the colour of the conditions of SVIDs.",
        judged(
            f"min({ours('svid_not_after_timestamp_seconds')}) - time()",
            *ENDS_OF_SVIDS,
        ),
        unit="s",
        nothing="none seen",
    ),
    stat(
        "Watcher's last progress",
        "Time since the watcher made progress, that of the chosen ones where it is longest. All of this page is as old "
        "as that. Red: one of them is gone, or a part of it, or makes no progress.",
        progress(),
        unit="s",
        nothing="none in a day",
    ),
)

TROUBLE = (
    row("Which agents are in trouble, and since when"),
    table(
        "Failing conditions",
        "Every condition that is true now, an agent and reason a line. Since: when the alert of the condition began to "
        "wait or to fire; while an alert on many agents stands for the single ones, when that began. A page is kept "
        "here while nobody can look, until a look says otherwise.",
        "severity namespace agent condition subject reason",
        {"pods": troubles(_REASONS), "since": since(_REASONS, f"{AGENT}, condition, subject")},
        sort="severity,-since",
        size=(24, 10),
    ),
    table(
        "By namespace",
        "Agents of each namespace: how many there are, and how many have a critical condition, a warning, a "
        "verdict that "
        "is unknown.",
        "namespace",
        _by("namespace", f"{INSTALLATION}, agent"),
        sort="-critical,-warning",
    ),
    table(
        "By node",
        "The same for the pods of each node.",
        "node",
        _by("node", POD),
        sort="-critical,-warning",
    ),
    lines(
        "Agents in trouble by condition",
        "How many agents have each condition, over time. Many at once have one cause more often than many.",
        [Asked(or_zero(f"count by (condition) ({_AGENTS})", "condition"), "{{condition}}")],
        stacked=True,
    ),
    table(
        "Firing alerts",
        "Alerts that fire now, and since when their condition held. One that names no agent is about the "
        "watcher or the "
        "whole fleet, and is shown for any choice of agents.",
        "severity alertname namespace agent subject condition",
        {
            "since": troubles(
                f"1000 * (max without (alertstate, component) ({series('ALERTS_FOR_STATE', ALERT_NAMES, of=_OR_NOBODY)}"
                f" and ignoring (alertstate) {_FIRING}))"
            )
        },
        sort="severity,-since",
    ),
)

BOARD = Board(
    name="fleet",
    about="Which AgentWeave agents are in trouble and since when, what expires next, and what is unknown.",
    shows="6h",
    variables=(CLUSTER, JOB, FLEET_NAMESPACES, FLEET_AGENTS),
    annotations=(
        GAPS,
        *turned("agentweave:condition:agents", f"{INSTALLATION}, condition", "{{cluster}} {{job}}"),
    ),
    panels=(*TILES, *TROUBLE, *NEXT, *UNTOLD),
)
