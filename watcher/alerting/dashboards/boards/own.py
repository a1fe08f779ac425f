"""The watcher itself: does it look in time, what impairs it, and do its alerts arrive."""

from watcher.alerting.dashboards.board import CLUSTER, GAPS, JOB, Annotation, Board, Variable
from watcher.alerting.dashboards.boards.own_process import ALERTS, PHONE, PROCESS, SCRAPES
from watcher.alerting.dashboards.panels import ORANGE_FROM_ONE, RED_FROM_ONE, Asked, lines, row, stat
from watcher.alerting.dashboards.queries import INSTALLATIONS, PROCESSES, UNWATCHED, fact, led, ours, progress, tile
from watcher.alerting.rules.core import INSTALLATION, INSTANCE


def _of(name: str, *more: str) -> str:
    return ours(name, *more, of=PROCESSES)


def _rate(name: str, by: str, legend: str) -> Asked:
    return Asked(f"sum by ({by}) (rate({_of(name)}[$__rate_interval]))", legend)


def _quantiles(histogram: str) -> list[Asked]:
    buckets = f"sum by (le, source) (rate({_of(f'{histogram}_bucket')}[$__rate_interval]))"
    return [Asked(f"histogram_quantile({of / 100}, {buckets})", f"p{of} {{{{source}}}}") for of in (50, 99)]


TILES = (
    stat(
        "Last progress",
        "Time since the watcher made progress, that of the chosen ones where it is longest. Red: one of them "
        "is gone, or a "
        "part of it, or makes no progress.",
        progress(PROCESSES),
        unit="s",
        nothing="none in a day",
    ),
    stat(
        "Shards",
        "Processes that probe and export, and how many are configured.",
        [
            Asked(f"sum({_of('active')})", "active"),
            Asked(f"sum(max by ({INSTALLATION}) ({_of('shards')}))", "configured"),
            UNWATCHED,
        ],
    ),
    stat("Targets", "Agent instances that are watched.", fact(f"sum({led(_of('targets'))})")),
    stat(
        "Looks",
        "Probe attempts a second, all sources together.",
        fact(f"sum(rate({_of('looks_total')}[$__rate_interval]))"),
        unit="cps",
    ),
    stat(
        "Own troubles",
        "Reasons for which the watcher itself is impaired; what it cannot judge because of them is unknown.",
        tile(f"sum({_of('impaired')}) > 0", f"sum({_of('impaired')})"),
        colours=RED_FROM_ONE,
    ),
    stat(
        "Newest config",
        "Whether the newest config was loaded. A rejected one leaves the previous one in use.",
        tile(f"min({_of('config_last_reload_successful')}) < 1", f"min({_of('config_last_reload_successful')})"),
        words={"0": ("refused", "red"), "1": ("taken", "green")},
    ),
    stat(
        "Discovery",
        "Time since the fleet was last discovered, the process where that is longest ago. A static list is "
        "read with the "
        "config only, and so may be old.",
        fact(f"time() - min({_of('discovery_last_success_timestamp_seconds')})"),
        unit="s",
        nothing="never",
    ),
    stat(
        "Failed drills in a row",
        "Test alerts that did not arrive, one after the other. Only where drills are scheduled.",
        tile(f"max({_of('drill_failures')}) > 0", f"max({_of('drill_failures')})"),
        colours=ORANGE_FROM_ONE,
        nothing="no drills",
    ),
)

LOOKS = (
    row("Schedule"),
    lines("Lag", "How late probe attempts start, by source.", _quantiles("schedule_lag_seconds"), unit="s"),
    lines(
        "Stall of the event loop",
        "The longest time in the last half minute in which the process did nothing else. While it stalls, "
        "agents can miss "
        "deadlines that they kept.",
        [Asked(f"max by ({INSTANCE}) ({_of('loop_stall_seconds')})", "{{instance}}")],
        unit="s",
    ),
    lines(
        "Time since the last progress",
        "Age of the heartbeat of each process. It stays small; a line that rises is a process that is up and "
        "does nothing.",
        [Asked(f"time() - max by ({INSTANCE}) ({_of('heartbeat_timestamp_seconds')})", "{{instance}}")],
        unit="s",
    ),
    lines(
        "Probe attempts skipped",
        "Probe attempts skipped because they were late or the previous one was still running.",
        [_rate("schedule_skipped_total", "source", "{{source}}")],
        unit="cps",
    ),
    row("Looks"),
    lines(
        "Probe attempts by source and result",
        "Probe attempts a second, by result.",
        [_rate("looks_total", "source, result", "{{source}} {{result}}")],
        unit="cps",
    ),
    lines(
        "Duration of probe attempts",
        "From start to end, by source.",
        _quantiles("look_duration_seconds"),
        unit="s",
    ),
)

VERDICTS = (
    row("Verdicts"),
    lines(
        "Verdicts by status",
        "Conditions of all targets that are failing (true), passing (false) and unknown.",
        [Asked(f"sum by (status) ({_of('conditions')})", "{{status}}")],
        stacked=True,
    ),
    lines(
        "Unknown verdicts by probe and reason",
        "Unknown conditions of the whole fleet. WarmingUp ends by itself.",
        [
            Asked(
                "sum by (probe, reason) (" + _of("conditions", 'status="unknown"') + ")",
                "{{probe}} {{reason}}",
            )
        ],
        stacked=True,
    ),
    lines(
        "Changes of verdicts",
        "Changes a second that are kept for the page /changes, and that were dropped because one target had too many.",
        [_rate("changes_total", "result", "{{result}}")],
        unit="cps",
    ),
    row("Kubernetes"),
    lines(
        "Pods by state",
        "Pods that the selector finds. Only targets are watched; the watcher's page lists the others with the "
        "reason, at "
        "/discovery.",
        [Asked(f"sum by (state) ({led(_of('discovery_pods'))})", "{{state}}")],
        stacked=True,
    ),
    lines(
        "Events on pods",
        "Events of Kubernetes that were written a second, that could not be written and are tried again "
        "(failed), and that "
        "were given up (dropped).",
        [_rate("events_total", "result", "{{result}}")],
        unit="cps",
    ),
)

BOARD = Board(
    name="watcher",
    about="How the AgentWeave watcher itself is: whether its probes run in time, what impairs it, and whether "
    "its metrics and "
    "alerts arrive.",
    shows="3h",
    variables=(
        CLUSTER,
        JOB,
        Variable(
            "instance",
            "Processes of the watcher, by the address that is scraped.",
            ours("build_info", of=INSTALLATIONS),
        ),
    ),
    annotations=(
        GAPS,
        Annotation(
            "Own troubles",
            f"max by ({INSTALLATION}, reason) ({_of('impaired')} == 1)",
            "orange",
            "{{reason}}",
            "{{cluster}} {{job}}",
        ),
    ),
    panels=(*TILES, *LOOKS, *VERDICTS, *PROCESS, *SCRAPES, *ALERTS, *PHONE),
)
