"""The command `rules`: alert rules, runbooks and dashboards out of the installed package."""

from argparse import Namespace

from watcher.alerting.export import Links, export_rules
from watcher.alerting.files import DASHBOARD_URL, WATCHER_URL


def export(given: Namespace) -> int:
    """`rules export DIR`."""
    watcher = given.watcher_url or WATCHER_URL
    runbooks, dashboards = given.runbook_url or f"{watcher}runbooks/", given.dashboard_url or DASHBOARD_URL
    links = Links(runbooks, dashboards, given.watcher_runbook_url or "", watcher)
    return export_rules(given.directory, links, jobs=given.jobs, labels=given.labels_to_alerts)
