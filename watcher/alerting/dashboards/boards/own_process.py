"""The watcher itself: its processes, how they are scraped, its alerts, and the way from there to the phone."""

from watcher.alerting.dashboards.panels import GREY, RED_FROM_ONE, Asked, lines, row, stat, timeline
from watcher.alerting.dashboards.queries import (
    ALERT_NAMES,
    INSTALLATIONS,
    PROCESSES,
    noted,
    ours,
    series,
    while_watched,
)
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import INSTALLATION, INSTANCE

_THIRD = (8, 8)
_HALF = (12, 8)


def _of(name: str, *more: str) -> str:
    return ours(name, *more, of=PROCESSES)


_IMPAIRED = f"max by ({INSTANCE}, reason) ({_of('impaired')})"


def _instances(series: str) -> list[Asked]:
    return [Asked(f"max by ({INSTANCE}) ({series})", "{{instance}}")]


PROCESS = (
    row("The process"),
    timeline(
        "Impairments over time",
        "What impairs the watcher, by reason and process; its log says why.",
        [
            Asked(
                f"{_IMPAIRED} > 0 or {while_watched(_IMPAIRED)}",
                "{{reason}} {{instance}}",
            )
        ],
        {"0": ("no", "green"), "1": ("yes", "red")},
        size=_HALF,
    ),
    table(
        "Processes",
        "What runs where, since when its config is in force, and when it last discovered the fleet.",
        "instance version python",
        {
            "": noted(f"max by ({INSTANCE}, version, python) ({_of('build_info')})"),
            "config taken": f"1000 * max by ({INSTANCE}) ({_of('config_last_reload_success_timestamp_seconds')})",
            "discovered": f"1000 * max by ({INSTANCE}) ({_of('discovery_last_success_timestamp_seconds')})",
        },
        sort="instance",
        size=_HALF,
    ),
    lines(
        "Memory",
        "Resident memory of each process of the watcher.",
        _instances(_of("process_resident_memory_bytes")),
        unit="bytes",
        size=_HALF,
    ),
    lines(
        "CPU",
        "Cores that each process of the watcher uses. It runs on one: near 1 its probes run late.",
        _instances(f"rate({_of('process_cpu_seconds_total')}[$__rate_interval])"),
        size=_HALF,
    ),
)

SCRAPES = (
    row("Its metrics endpoint"),
    lines(
        "Series scraped",
        "Series on the page at each scrape.",
        _instances(series("scrape_samples_scraped", of=PROCESSES)),
        size=_THIRD,
    ),
    lines(
        "Time a scrape takes",
        "How long Prometheus takes to fetch and read the page. Above the scrape timeout, all of its series are lost.",
        _instances(series("scrape_duration_seconds", of=PROCESSES)),
        unit="s",
        size=_THIRD,
    ),
    timeline(
        "Scrapes",
        "Whether Prometheus could scrape the watcher.",
        _instances(series("up", of=PROCESSES)),
        {"0": ("failed", "red"), "1": ("good", "green")},
        size=_THIRD,
    ),
)


def _own(state: str) -> str:
    return series("ALERTS", ALERT_NAMES, 'agent=""', f'alertstate="{state}"', of=INSTALLATIONS)


ALERTS = (
    row("Alerts, trust and drills"),
    timeline(
        "Alerts about the watcher and the whole fleet",
        "Alerts that name no agent, waiting or firing.",
        [
            Asked(
                f"max by ({INSTALLATION}, alertname, condition, probe, reason, trust_domain)"
                f" ({_own('firing')} * 2 or {_own('pending')})",
                "{{alertname}} {{condition}} {{probe}} {{reason}} {{trust_domain}}",
            )
        ],
        {"1": ("pending", "yellow"), "2": ("firing", "red")},
        size=_HALF,
    ),
    table(
        "Trust bundles",
        "When the newest CA of each trust domain expires. After that no SVID of it can be verified.",
        "trust_domain",
        {
            "ends": noted(
                f"1000 * max by ({INSTALLATION}, trust_domain) ({_of('trust_bundle_not_after_timestamp_seconds')})"
            )
        },
        sort="ends",
        size=(6, 8),
    ),
    table(
        "Drills",
        "When a test alert of each severity last arrived at Alertmanager. Only where drills are scheduled.",
        "severity",
        {
            "last arrived": noted(
                f"1000 * max by ({INSTALLATION}, severity) ({_of('drill_last_success_timestamp_seconds')})"
            )
        },
        sort="drill of",
        renamed={"severity": "drill of"},
        size=(6, 8),
    ),
)

_CLUSTER = 'cluster=~"$cluster"'
"""Prometheus and Alertmanager have jobs of their own."""


def _theirs(name: str) -> str:
    return series(name, of=_CLUSTER)


def _lost(name: str, by: str, legend: str) -> Asked:
    return Asked(f"sum by (cluster, {by}) (rate({_theirs(name)}[$__rate_interval]))", legend)


PHONE = (
    row("From Prometheus to the phone"),
    stat(
        "Alertmanagers",
        "To how many Alertmanagers each Prometheus sends, the least. Nothing here: Prometheus does not scrape itself.",
        [Asked(f"min({_theirs('prometheus_notifications_alertmanagers_discovered')})")],
        colours={None: GREY, 0: "red", 1: "blue"},
        nothing="not scraped",
        size=(3, 8),
    ),
    stat(
        "Integrations that fail",
        "Integrations of Alertmanager, such as pagerduty or slack, with a notification that failed within the time "
        "that "
        "is shown. Nothing here: "
        "nobody scrapes Alertmanager.",
        [
            Asked(
                "count(sum by (cluster, integration)"
                f" (increase({_theirs('alertmanager_notifications_failed_total')}[$__range])) > 0)"
                f" or 0 * count({_theirs('alertmanager_notifications_failed_total')})"
            )
        ],
        colours=RED_FROM_ONE,
        nothing="not scraped",
        size=(3, 8),
    ),
    lines(
        "Alerts that Prometheus lost",
        "Alerts a second that could not be sent to an Alertmanager (errors), or were given up (dropped). It "
        "should be 0.",
        [
            _lost("prometheus_notifications_errors_total", "alertmanager", "errors, {{alertmanager}}"),
            _lost("prometheus_notifications_dropped_total", "instance", "dropped, {{instance}}"),
        ],
        unit="cps",
        size=(6, 8),
    ),
    lines(
        "Notifications of Alertmanager",
        "Notifications a second by integration: all, and those that failed.",
        [
            _lost("alertmanager_notifications_total", "integration", "{{integration}}"),
            _lost("alertmanager_notifications_failed_total", "integration", "{{integration}} failed"),
        ],
        unit="cps",
        size=(6, 8),
    ),
    lines(
        "Queue of Prometheus",
        "Alerts that wait to be sent, as a part of the queue's capacity. When it is full, alerts are lost.",
        [
            Asked(
                f"max by (cluster, instance) ({_theirs('prometheus_notifications_queue_length')})"
                f" / max by (cluster, instance) ({_theirs('prometheus_notifications_queue_capacity')})",
                "{{instance}}",
            )
        ],
        unit="percentunit",
        most=1,
        size=(6, 8),
    ),
)
