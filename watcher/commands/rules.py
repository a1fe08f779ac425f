"""The command `rules`: alert rules, runbooks and dashboards out of the installed package."""

from argparse import Namespace

from watcher.alerting.export import DASHBOARD_URL, RUNBOOK_URL, export_rules


def export(given: Namespace) -> int:
    """`rules export DIR`."""
    return export_rules(given.directory, given.runbook_url or RUNBOOK_URL, given.dashboard_url or DASHBOARD_URL)
